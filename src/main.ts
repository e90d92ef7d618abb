import { setFlagsFromString } from 'node:v8'
import type { Environment } from './cli/environment.ts'

/** The process, as commands see it; nothing else reads `process.env` and `process.argv`. */
const environment: Environment = { env: process.env, stdout: process.stdout, onSignal }

// What loading allocates lives for good. A young generation that grew for it would keep 25 MiB that nothing needs.
setFlagsFromString('--semi-space-growth-factor=1')
const { runProgram } = await import('./cli/program.ts')
setFlagsFromString('--semi-space-growth-factor=2')

await runProgram(process.argv, environment)

function onSignal(stop: (signal: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const handle = (signal: string) => {
      // The second signal has its default effect: whoever cannot wait need not.
      process.off('SIGINT', handle)
      process.off('SIGTERM', handle)
      stop(signal).then(resolve, reject)
    }
    process.on('SIGINT', handle)
    process.on('SIGTERM', handle)
  })
}
