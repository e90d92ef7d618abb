import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'
import { readInput } from './input.ts'

const MAX_BYTES = 1024 * 1024
const [CTRL_C, CTRL_D, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\b', '\u007f']

/** All that the standard input holds, at most 1 MiB, without the line feed at its end. */
export async function readSecretInput(environment: Pick<Environment, 'stdin'>): Promise<string> {
  return (await readInput(environment, MAX_BYTES)).replace(/\r?\n$/, '')
}

/** What somebody types at a terminal, which does not show it. Throws where no terminal is. */
export async function askSecret({ stdin, stderr }: Environment, question: string, instead: string): Promise<string> {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    throw usageError(`there is no terminal to ask at: use ${instead}`)
  }
  // Before the question: nothing that is typed then may show.
  stdin.setRawMode(true)
  stderr.write(question)
  try {
    return await readHidden(stdin)
  } finally {
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}

async function readHidden(stdin: Environment['stdin']): Promise<string> {
  let typed = ''
  for await (const chunk of stdin) {
    for (const key of Buffer.from(chunk).toString('utf8')) {
      if (key === '\r' || key === '\n' || key === CTRL_D) return typed
      if (key === CTRL_C) throw usageError('given up')
      typed = key === BACKSPACE || key === DELETE ? [...typed].slice(0, -1).join('') : typed + key
    }
  }
  return typed
}
