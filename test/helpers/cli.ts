import { Readable } from 'node:stream'
import type { Environment, Output } from '../../src/cli/environment.ts'
import { runProgram } from '../../src/cli/program.ts'

/** An output that keeps what is written to it. */
export class Written implements Output {
  readonly isTTY: boolean
  readonly columns: number
  text = ''

  constructor(isTTY: boolean, columns = 100) {
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string | Uint8Array): boolean {
    this.text += typeof text === 'string' ? text : Buffer.from(text).toString('utf8')
    return true
  }
}

export interface TestEnvironment extends Environment {
  readonly stdout: Written
  readonly stderr: Written
}

interface Given {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Whether the input is a terminal. */
  readonly isAsked?: boolean
  /** Whether the outputs are terminals. */
  readonly isTTY?: boolean
}

/** What a command gets of a process: nothing of this one's. */
export function anEnvironment({ env = {}, stdin = '', isTTY = false, isAsked = false }: Given = {}): TestEnvironment {
  return {
    env: { HOME: '/nonexistent', ...env },
    stdin: Object.assign(Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), { isTTY: isAsked }),
    stdout: new Written(isTTY),
    stderr: new Written(isTTY),
    onSignal: () => new Promise(() => undefined)
  }
}

export interface CliRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of the program in this process. */
export function runCli(args: readonly string[], given: Given = {}): Promise<CliRun> {
  return startCli(args, anEnvironment(given)).done
}

/** Begins to run one; `stdout` and `stderr` give what it has written so far. */
export function startCli(args: readonly string[], environment: TestEnvironment) {
  const stdout = () => environment.stdout.text
  const stderr = () => environment.stderr.text
  const done = runProgram(['node', 'docker-faas', ...args], environment).then(
    (code): CliRun => ({ code, stdout: stdout(), stderr: stderr() })
  )
  return { done, stdout, stderr }
}
