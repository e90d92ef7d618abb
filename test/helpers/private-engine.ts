import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import Docker from 'dockerode'
import { DEFAULT_HOST } from '../../src/engine/docker-client.ts'
import { createTestRun, type TestRun } from './docker-run.ts'
import { eventually } from './eventually.ts'
import { killNow, NetNamespace } from './net-namespace.ts'
import { claimDirectory, killContainers, PRIVATE_PREFIX, removeLeftovers, removePrivate } from './private-leftovers.ts'

export interface PrivateEngineOptions {
  /** Contents of its daemon.json, such as `{ 'live-restore': true }`. */
  readonly daemon?: object
  /** Its data lie on a file system in memory of this size, such as `64m`; on the disk when left out. */
  readonly dataSize?: string
  /** How many files that file system may hold. */
  readonly dataInodes?: number
}

const OVERLAYFS = 0x794c7630

/**
 * An engine for one test: a dockerd with a directory and a network namespace of its own, that may be stopped, killed,
 * frozen and started again. Needs root on Linux. What reaches its containers runs inside its namespace.
 */
export class PrivateEngine {
  readonly directory: string
  readonly namespace: NetNamespace
  readonly docker: Docker
  #daemon: ChildProcess | undefined

  private constructor(directory: string) {
    this.directory = directory
    this.namespace = new NetNamespace(basename(directory), join(directory, 'relay'))
    this.docker = connectUnix(this.socket)
  }

  static async start(options: PrivateEngineOptions = {}): Promise<PrivateEngine> {
    removeLeftovers()
    const directory = await mkdtemp(join(tmpdir(), PRIVATE_PREFIX))
    claimDirectory(directory)
    const engine = new PrivateEngine(directory)
    try {
      await writeFile(join(directory, 'daemon.json'), JSON.stringify(options.daemon ?? {}))
      await mkdir(join(directory, 'data'))
      mountData(join(directory, 'data'), options)
      await engine.namespace.open()
      await engine.start()
    } catch (err) {
      engine.remove()
      throw err
    }
    return engine
  }

  get socket(): string {
    return join(this.directory, 'sock')
  }

  get host(): string {
    return `unix://${this.socket}`
  }

  /** Its images, subnets and labels for a test; nothing of it need be reaped, as the whole engine goes. */
  createRun(): Promise<TestRun> {
    return createTestRun(this.docker, this.host)
  }

  /** Copies an image from the engine that the tests run on. */
  async load(reference: string): Promise<void> {
    const [from, to] = [process.env['DOCKER_HOST'] || DEFAULT_HOST, this.host]
    const script = 'set -o pipefail; docker -H "$1" save "$3" | docker -H "$2" load'
    const copying = spawn('bash', ['-c', script, 'copy', from, to, reference], {
      stdio: ['ignore', 'ignore', 'inherit']
    })
    const [code] = await once(copying, 'exit')
    if (code !== 0) throw new Error(`image ${reference} could not be copied`)
  }

  /** Starts the daemon, and waits until it answers. */
  async start(): Promise<void> {
    const { directory } = this
    const log = openSync(join(directory, 'log'), 'a')
    const daemon = this.namespace.spawn(
      'dockerd',
      [
        ...['--config-file', join(directory, 'daemon.json'), '--pidfile', join(directory, 'pid')],
        ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
        // Where a containerd of the system runs it is used, and others' containers are in it.
        ...[
          '--containerd-namespace',
          basename(directory),
          '--containerd-plugins-namespace',
          `${basename(directory)}-p`
        ],
        ...['-H', this.host]
      ],
      { stdio: ['ignore', log, log], detached: true }
    )
    closeSync(log)
    this.#daemon = daemon
    await eventually(
      async () => {
        if (daemon.exitCode === null && daemon.signalCode === null) await this.docker.ping()
      },
      { timeoutMs: 30_000 }
    )
    if (daemon.exitCode !== null) throw new Error(`dockerd did not start:\n${this.logTail()}`)
  }

  /** Has the running daemon read another daemon.json. */
  async configure(daemon: object): Promise<void> {
    await writeFile(join(this.directory, 'daemon.json'), JSON.stringify(daemon))
    this.#daemon?.kill('SIGHUP')
  }

  /** Stops the daemon as a service manager does. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Kills the daemon; its containers are left as they are. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
    // Its containerd dies with it, but a daemon that starts at once would take the process for alive.
    rmSync(join(this.directory, 'exec/containerd/containerd.pid'), { force: true })
    await eventually(() => {
      if (this.#processes().some(({ command }) => command.startsWith('containerd\0')))
        throw new Error('it is still there')
    })
  }

  /** Ends the daemon and everything in its containers at once, as a loss of power does. */
  async powerOff(): Promise<void> {
    await this.kill()
    for (const { pid } of this.#processes()) killNow(pid)
    killContainers(this.directory)
  }

  /** The daemon neither answers nor ends, and its socket takes connections. */
  freeze(): void {
    this.#daemon?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#daemon?.kill('SIGCONT')
  }

  /** Kills and removes all of it, whatever state it is in. */
  remove(): void {
    removePrivate(this.directory)
  }

  /** The end of the daemon's log. */
  logTail(lines = 30): string {
    return readFileSync(join(this.directory, 'log'), 'utf8').split('\n').slice(-lines).join('\n')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon
    this.#daemon = undefined
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return
    const ended = once(daemon, 'exit')
    daemon.kill(signal)
    await ended
  }

  /** Those of the engine beside the daemon: each names the engine's directory in its command line. */
  #processes(): { pid: number; command: string }[] {
    const pids = execFileSync('ip', ['netns', 'pids', this.namespace.name], { encoding: 'utf8' }).split('\n')
    return pids
      .map(pid => ({ pid: Number(pid), command: commandOf(Number(pid)) }))
      .filter(({ command }) => command.includes(join(this.directory, 'exec')))
  }
}

function connectUnix(socketPath: string): Docker {
  // NOTE: docker-modem reads DOCKER_HOST itself, and an option that is missing takes its value.
  return new Docker({ socketPath, host: undefined, protocol: 'http' } as Docker.DockerOptions)
}

/** Layers cannot be stacked on a file system that is made of layers itself, as that of a container is. */
function mountData(path: string, { dataSize, dataInodes }: PrivateEngineOptions): void {
  if (dataSize === undefined && statfsSync(path).type !== OVERLAYFS) return
  const options = [`size=${dataSize ?? '2g'}`, ...(dataInodes === undefined ? [] : [`nr_inodes=${dataInodes}`])]
  execFileSync('mount', ['-t', 'tmpfs', '-o', options.join(','), 'docker-faas-test', path])
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has just ended
  }
}
