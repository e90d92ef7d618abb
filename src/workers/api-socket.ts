import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { http } from '../node-http.ts'
import { setPeer } from '../peer.ts'
import { removeDeadSockets } from './dead-sockets.ts'

/** In what a worker hands on: the address of its client, and whether it speaks TLS, in place of whatever the client has sent by this name. */
export const PEER_HEADER = 'x-docker-faas-peer'

/** The workers have refused larger heads already; what they add needs a little more. */
const MAX_HEADER_BYTES = 64 * 1024
const NO_LIMIT = 0
/** Longer paths are no addresses of sockets. Source: sun_path of unix(7), with the byte that ends it. */
const MAX_PATH_BYTES = 107

/** Requests that wait until the controller finds time; the kernel refuses more at once, and may have a lower bound (`somaxconn`). */
const MAX_WAITING = 4096
/** Start of the name of the directory, and the name of the socket. */
const PREFIX = 'docker-faas-'
const NAME = 'api'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/**
 * Where the workers hand on what is no call of a function: a socket in a directory that only this user may enter, so that what comes
 * over it may be believed.
 */
export class ApiSocket {
  readonly #server: Server
  readonly #places: readonly string[]
  #directory: string | undefined

  /** `fallback`: a directory to be in when there is none for temporary files. */
  constructor(api: Handler, fallback: string) {
    this.#places = [tmpdir(), fallback]
    const take: Handler = (req, res) => {
      takePeer(req)
      api(req, res)
    }
    this.#server = http.createServer(
      {
        ...{ maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false },
        ...{ keepAliveTimeout: NO_LIMIT, headersTimeout: NO_LIMIT, requestTimeout: NO_LIMIT }
      },
      take
    )
    this.#server.maxHeadersCount = NO_LIMIT
    this.#server.on('checkContinue', take)
  }

  /** Path of the socket. Throws before the start. */
  get path(): string {
    if (this.#directory === undefined) throw new Error('the socket of the API is not open')
    return join(this.#directory, NAME)
  }

  async open(): Promise<void> {
    this.#directory = await makeDirectory(this.#places)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ path: this.path, backlog: MAX_WAITING }, resolve)
    })
    for (const place of this.#places) await removeDeadSockets(join(place, PREFIX), NAME)
  }

  async close(): Promise<void> {
    if (this.#directory === undefined) return
    await new Promise<void>(resolve => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    await rm(dirname(this.path), { recursive: true, force: true })
  }
}

/** A new directory that nobody else may enter, in the first of these places that can have one. */
async function makeDirectory(places: readonly string[]): Promise<string> {
  const errors: unknown[] = []
  for (const place of places) {
    const prefix = join(place, PREFIX)
    if (Buffer.byteLength(`${prefix}XXXXXX/${NAME}`) > MAX_PATH_BYTES) continue
    try {
      return await mkdtemp(prefix)
    } catch (err) {
      errors.push(err)
    }
  }
  throw new Error(`no directory for the socket of the API in ${places.join(' or ')}`, { cause: errors[0] })
}

function takePeer(req: IncomingMessage): void {
  const [address = '', tls] = String(req.headers[PEER_HEADER] ?? '').split(' ')
  delete req.headers[PEER_HEADER]
  const at = req.rawHeaders.findLastIndex((name, i) => i % 2 === 0 && name === PEER_HEADER)
  if (at >= 0) req.rawHeaders.splice(at, 2)
  setPeer(req, { address, isEncrypted: tls !== undefined })
}
