import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import Docker from 'dockerode'
import * as tar from 'tar-stream'
import { ensureProgram } from '../../hack/packages.ts'
import { freePort } from './free-port.ts'
import type { PrivateEngine } from './private-engine.ts'

const run = promisify(execFile)

export interface Credentials {
  readonly username: string
  readonly password: string
}

interface Options {
  /** Only who knows these may push and pull; anybody when absent. */
  readonly credentials?: Credentials
  /** Runs in this engine's network namespace and serves it; the engine that the tests run on when left out. */
  readonly engine?: PrivateEngine
}

/** A registry on 127.0.0.1, which Docker trusts without TLS. Stops, and removes all that it made, when disposed of. */
export class Registry {
  readonly port: number
  readonly #docker: Docker
  readonly #engine: PrivateEngine | undefined
  readonly #directory: string
  readonly #credentials: Credentials | undefined
  /** All that may be in the engine's store from here. */
  readonly #references = new Set<string>()
  #end: () => Promise<void> = () => Promise.resolve()

  private constructor(port: number, directory: string, { credentials, engine }: Options) {
    this.port = port
    this.#engine = engine
    this.#docker = engine?.docker ?? new Docker()
    this.#directory = directory
    this.#credentials = credentials
  }

  /** Starts Debian's docker-registry on a free port, installing it when the machine has none (needs root then). */
  static async start(options: Options = {}): Promise<Registry> {
    ensureProgram('docker-registry', 'docker-registry', report)
    if (options.credentials !== undefined) ensureProgram('htpasswd', 'apache2-utils', report)
    const directory = await mkdtemp(join(tmpdir(), 'registry-'))
    const registry = new Registry(await freePort(), directory, options)
    await registry.#configure()
    await registry.resume()
    return registry
  }

  /** `127.0.0.1:<port>/<name>`. */
  reference(name: string): string {
    return `127.0.0.1:${this.port}/${name}`
  }

  /**
   * Makes an image of one file with that content, pushes it under `name` (with its tag), and takes it out of the
   * engine's store again, so that it has to be pulled. Gives its digest.
   */
  async push(name: string, content: string): Promise<string> {
    const reference = this.reference(name)
    const [repo = '', tag = 'latest'] = splitTag(reference)
    const pack = tar.pack()
    pack.entry({ name: 'content' }, content)
    pack.finalize()
    await this.#follow(await this.#docker.importImage(Readable.from(pack), { repo, tag }))
    return this.publish(name)
  }

  /** Pushes the image that has this name in the engine's store, and takes it out of there. Gives its digest. */
  async publish(name: string): Promise<string> {
    const reference = this.reference(name)
    const [repo = ''] = splitTag(reference)
    this.#references.add(reference)
    const authconfig = {
      serveraddress: `127.0.0.1:${this.port}`,
      ...(this.#credentials ?? { username: '', password: '' })
    }
    await this.#follow(await this.#docker.getImage(reference).push({ authconfig }))
    const { RepoDigests = [] } = await this.#docker.getImage(reference).inspect()
    await this.unload(name)
    const digest = RepoDigests.find(text => text.startsWith(`${repo}@`))
    if (digest === undefined) throw new Error(`${reference} has no digest after its push`)
    this.#references.add(digest)
    return digest
  }

  /** Lets `name` mean, in the engine's store, the image of another reference that is there. */
  async tag(reference: string, name: string): Promise<void> {
    const [repo = '', tag = 'latest'] = splitTag(this.reference(name))
    this.#references.add(this.reference(name))
    await this.#docker.getImage(reference).tag({ repo, tag })
  }

  /** Takes an image out of the engine's store; done also when it is not there. */
  async unload(name: string): Promise<void> {
    await this.#remove(this.reference(name))
  }

  async #remove(reference: string): Promise<void> {
    await this.#docker
      .getImage(reference)
      .remove({ force: true })
      .catch((err: { statusCode?: number }) => {
        if (err.statusCode !== 404) throw err
      })
  }

  /** Ends the process; what was pushed stays for `resume`. */
  async halt(): Promise<void> {
    await this.#end()
    this.#end = () => Promise.resolve()
  }

  /** Starts it again on the same port. */
  async resume(): Promise<void> {
    const args = ['serve', join(this.#directory, 'config.yml')]
    const start = this.#engine === undefined ? spawn : this.#engine.namespace.spawn.bind(this.#engine.namespace)
    const child = start('/usr/bin/docker-registry', args, { stdio: 'ignore' })
    const exited = once(child, 'exit')
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill) // a test run that breaks off leaves no registry behind
    this.#end = async () => {
      process.off('exit', kill)
      kill()
      await exited
    }
    const until = Date.now() + 10_000
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(`docker-registry does not answer on ${this.port}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt()
    // A private engine goes as a whole, and may be gone already.
    if (this.#engine === undefined) for (const reference of this.#references) await this.#remove(reference)
    await rm(this.#directory, { recursive: true })
  }

  async #configure(): Promise<void> {
    const config: Record<string, unknown> = {
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(this.#directory, 'data') } },
      http: { addr: `127.0.0.1:${this.port}` }
    }
    if (this.#credentials !== undefined) {
      const { username, password } = this.#credentials
      const path = join(this.#directory, 'htpasswd')
      const { stdout } = await run('htpasswd', ['-nbB', username, password])
      await writeFile(path, stdout)
      config['auth'] = { htpasswd: { realm: 'test', path } }
    }
    await writeFile(join(this.#directory, 'config.yml'), JSON.stringify(config)) // JSON is YAML
  }

  async #answers(): Promise<boolean> {
    const { port } = this
    const connect = this.#engine && { createConnection: () => this.#engine?.namespace.connect(port) }
    return new Promise(resolve => {
      const req = request({ host: '127.0.0.1', port, path: '/v2/', headers: { connection: 'close' }, ...connect })
      req.on('error', () => resolve(false))
      req.on('response', response => {
        response.resume()
        req.destroy()
        resolve([200, 401].includes(response.statusCode ?? 0))
      })
      req.end()
    })
  }

  /** Reads an answer of the engine to its end; an error may stand inside it. */
  async #follow(stream: NodeJS.ReadableStream): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#docker.modem.followProgress(stream, (err: Error | null) => (err === null ? resolve() : reject(err)))
    })
  }
}

/** `host:port/repo:tag` → its two halves. */
function splitTag(reference: string): string[] {
  const colon = reference.lastIndexOf(':')
  return colon > reference.lastIndexOf('/') ? [reference.slice(0, colon), reference.slice(colon + 1)] : [reference]
}

function report(line: string): void {
  process.stdout.write(`${line}\n`)
}
