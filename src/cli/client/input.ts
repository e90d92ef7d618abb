import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'

/** All that the standard input holds. Throws when that is more than `maxBytes`. */
export async function readInput({ stdin }: Pick<Environment, 'stdin'>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    size += chunk.length
    if (size > maxBytes) throw usageError(`the standard input holds more than ${maxBytes / 1024 / 1024} MiB`)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Whether somebody at the terminal says yes. */
export async function isAgreed({ stdin, stderr }: Environment, question: string): Promise<boolean> {
  stderr.write(`${question} [y/N] `)
  let line = ''
  for await (const chunk of stdin) {
    line += Buffer.from(chunk).toString('utf8')
    if (line.includes('\n')) break
  }
  return /^y(es)?$/i.test(line.split('\n')[0]?.trim() ?? '')
}
