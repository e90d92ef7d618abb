import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Settings } from './settings.ts'

/** A gateway that this process started. */
export interface Gateway {
  /** Settles when it has ended. */
  readonly ended: Promise<number>
  /** Asks it to stop; it lets running calls end. */
  readonly stop: () => void
  /** From now on its log is shown too. */
  readonly showLog: () => void
  readonly lastLines: () => readonly string[]
}

const KEPT_LINES = 15

/**
 * Starts the gateway of this checkout; its log goes to `gateway.log` beside the database; of warnings the first
 * line is shown as well, with `show`.
 */
export function startGateway(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  show: (line: string) => void = console.log
): Gateway {
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 })
  // In a group of its own, so that Ctrl-C reaches it once: through us.
  const child = spawn(process.execPath, ['--import', stripSources(), 'src/main.ts', 'serve'], {
    env: { LOG_FORMAT: 'text', ...env, STATE_DB_PATH: settings.databasePath },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  const pidFile = pidFileOf(settings)
  if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`)
  const log = followLog(child, logFileOf(settings), show)
  const { promise: ended, resolve } = Promise.withResolvers<number>()
  child.once('error', () => resolve(127))
  child.once('close', code => {
    rmSync(pidFile, { force: true })
    resolve(code ?? 1)
  })
  return { ended, stop: () => child.kill('SIGTERM'), ...log }
}

/** What Node is to import, so that it finds the sources without their types. */
function stripSources(): string {
  return execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'hack/strip.ts']).toString()
}

export function logFileOf(settings: Settings): string {
  return join(settings.dataDir, 'gateway.log')
}

function pidFileOf(settings: Settings): string {
  return join(settings.dataDir, 'gateway.pid')
}

/** Process id of the gateway that a start script started over the same database; undefined when it does not run. */
export function runningGateway(settings: Settings): number | undefined {
  try {
    const pid = Number(readFileSync(pidFileOf(settings), 'utf8'))
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined // no file, or nobody has that id
  }
}

/** Whether nobody listens on the port. */
export function isPortFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, () => server.close(() => resolve(true)))
  return promise
}

function followLog(
  child: ChildProcess,
  path: string,
  show: (line: string) => void
): Pick<Gateway, 'showLog' | 'lastLines'> {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
  const last: string[] = []
  let all = false
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', line => {
      file.write(`${line}\n`)
      last.push(line)
      if (last.length > KEPT_LINES) last.shift()
      if (all || isSevere(line)) show(line)
    })
  }
  return {
    showLog: () => {
      all = true
    },
    lastLines: () => last
  }
}

function isSevere(line: string): boolean {
  return /^\S+ (WARN|ERROR)|"level":[456]0/.test(line)
}
