import './left-out.ts'
import { constants } from 'node:os'
import type { Environment } from './cli/environment.ts'
import { beginLoading, endLoading } from './runtime/loading.ts'

/** The process, as commands see it; nothing else reads `process.env` and `process.argv`. */
const environment: Environment = {
  env: process.env,
  // Opened by who reads it only.
  get stdin() {
    return process.stdin
  },
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal
}

/** What SIGINT and SIGTERM do now. */
let onStop = end
// Before anything is loaded: the first process of a container gets no signal that it has not asked for.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => onStop(signal))

// Whoever reads a list may have seen enough: that ends a command as SIGPIPE would. A gateway is not ended so.
if (process.argv[2] !== 'serve') {
  process.stdout.on('error', (err: NodeJS.ErrnoException) => {
    if (err.code === 'EPIPE') process.exit(128 + constants.signals.SIGPIPE)
    process.stderr.write(`docker-faas: the output cannot be written: ${err.message}\n`)
    process.exit(1)
  })
  // What cannot be told is no reason to end in another way.
  process.stderr.on('error', () => undefined)
}

beginLoading()
const { runSmallProgram, SMALL_COMMANDS } = await import('./cli/small.ts')
const isSmall = SMALL_COMMANDS.has(process.argv[2] ?? '')
const runProgram = isSmall ? runSmallProgram : (await import('./cli/program.ts')).runProgram
// The one that stays has loaded when it is put together, and says so itself; the others load what they need when they run.
if (process.argv[2] !== 'serve') endLoading()

process.exitCode = await runProgram(process.argv, environment)

function end(signal: 'SIGINT' | 'SIGTERM'): void {
  process.exit(128 + constants.signals[signal])
}

function onSignal(stop: (signal: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    onStop = signal => {
      // The second signal ends the process at once: whoever cannot wait need not.
      onStop = end
      stop(signal).then(resolve, reject)
    }
  })
}
