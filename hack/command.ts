import { spawn } from 'node:child_process'

export interface Outcome {
  readonly code: number
  /** What it wrote, stdout and stderr as they came; empty when it wrote to the terminal. */
  readonly output: string
  readonly seconds: number
}

interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Lets the program write to our terminal. */
  readonly inherit?: boolean
}

/** Runs a program to its end; one that cannot be started or dies of a signal ends with code 127. */
export async function run(program: string, args: readonly string[], options: Options = {}): Promise<Outcome> {
  const started = performance.now()
  const child = spawn(program, args, {
    stdio: options.inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env }
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', text => (output += text))
  const { promise, resolve } = Promise.withResolvers<number>()
  child.once('error', err => {
    output += `${err.message}\n`
    resolve(127)
  })
  child.once('close', code => resolve(code ?? 127))
  return { code: await promise, output, seconds: (performance.now() - started) / 1000 }
}
