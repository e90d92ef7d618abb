import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'

const RELAY = join(import.meta.dirname, 'namespace-relay.ts')

/**
 * A network namespace: what runs in it has interfaces, addresses and firewall rules of its own. This process stays
 * outside, and reaches what listens inside through a relay on a unix socket, as those are not bound to a network.
 */
export class NetNamespace {
  readonly name: string
  readonly #relayPath: string
  #relay: ChildProcess | undefined

  constructor(name: string, relayPath: string) {
    this.name = name
    this.#relayPath = relayPath
  }

  async open(): Promise<void> {
    execFileSync('ip', ['netns', 'add', this.name])
    this.run('ip', ['link', 'set', 'lo', 'up'])
    const relay = this.spawn(process.execPath, [RELAY, this.#relayPath], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#relay = relay
    await new Promise<void>((resolve, reject) => {
      relay.once('exit', code => reject(new Error(`the relay of ${this.name} ended with code ${code}`)))
      relay.stdout?.once('data', () => resolve())
    })
  }

  /** Kills whatever runs in it, and removes it. */
  close(): void {
    this.#relay?.kill('SIGKILL')
    removeNamespace(this.name)
  }

  /** Starts a program in it. */
  spawn(program: string, args: readonly string[], options: Parameters<typeof spawn>[2] = {}): ChildProcess {
    return spawn('nsenter', this.#entering(program, args), options)
  }

  /** What a program prints that runs in it, to its end. Throws when it fails. */
  run(program: string, args: readonly string[]): string {
    return execFileSync('nsenter', this.#entering(program, args), {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe']
    })
  }

  /** A connection to what listens inside. */
  connect(port: number, host = '127.0.0.1'): Socket {
    const socket = connect(this.#relayPath)
    socket.write(`${host} ${port}\n`)
    return socket
  }

  // NOTE: `ip netns exec` hides the cgroups, which the engine needs.
  #entering(program: string, args: readonly string[]): string[] {
    return [`--net=/var/run/netns/${this.name}`, program, ...args]
  }
}

/** Kills whatever runs in the namespace and removes it, if it is there. Only for namespaces that tests made. */
export function removeNamespace(name: string): void {
  const list = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  if (!list.split('\n').some(line => line.split(' ')[0] === name)) return
  const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })
  for (const pid of pids.split('\n').filter(line => line !== '')) killNow(Number(pid))
  execFileSync('ip', ['netns', 'del', name])
}

/** SIGKILL; one that is gone already is fine. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (err) {
    if ((err as { code?: string }).code !== 'ESRCH') throw err
  }
}
