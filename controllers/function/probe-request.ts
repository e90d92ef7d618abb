import { http } from '../../src/node-http.ts'

/** An answer's body is read this far, and the connection then cut. */
const BODY_MAX_BYTES = 64 * 1024
/** A timer that fires later than so says that this process was held up, and not the replica. */
const LATE_MS = 500
/** Nobody listens there: this is no busy replica, but none. */
const ABSENT_CODES: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL'
])

/** Where to ask. */
export interface ProbeAddress {
  readonly host: string
  readonly port: number
  readonly path: string
}

/** Sends `GET path` and gives the status. Rejects when there is none, and when `signal` aborts. */
export type ProbeRequest = (address: ProbeAddress, signal: AbortSignal) => Promise<number>

/** Calls `run` once, in `ms` milliseconds, unless the function that it gives is called before. */
export type Schedule = (run: () => void, ms: number) => () => void

/** What came of one probe. `absent`: nobody listens; `unknown`: this process was too busy to tell. */
export type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'failed' | 'absent' | 'unknown'; readonly error: string }

export interface AskDeps {
  readonly request: ProbeRequest
  readonly schedule: Schedule
  readonly clock: { readonly monotonic: () => number }
}

/** Asks once; never throws. */
export async function askOnce(
  { request, schedule, clock }: AskDeps,
  address: ProbeAddress & { readonly isStrict: boolean },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal }
): Promise<Outcome> {
  const timeout = new AbortController()
  const begin = clock.monotonic()
  const cancel = schedule(() => timeout.abort(), timeoutMs)
  try {
    const status = await request(address, AbortSignal.any([signal, timeout.signal]))
    const isGood = address.isStrict ? status >= 200 && status < 400 : status < 500
    return isGood ? { kind: 'success' } : { kind: 'failed', error: `answered ${status}` }
  } catch (err) {
    if (timeout.signal.aborted) {
      const isLate = clock.monotonic() - begin > timeoutMs + LATE_MS
      return { kind: isLate ? 'unknown' : 'failed', error: `no answer within ${timeoutMs} ms` }
    }
    const { code, message } = err as { code?: string; message?: string }
    return { kind: ABSENT_CODES.has(code) ? 'absent' : 'failed', error: message ?? String(err) }
  } finally {
    cancel()
  }
}

export const scheduleTimeout: Schedule = (run, ms) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/**
 * A request on a connection of its own, so that no probe leaves anything behind. The head is the answer: a body is
 * read to its end, for servers that complain of a cut one, but neither its size nor its pace matters.
 */
export function requestStatus({ host, port, path }: ProbeAddress, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'user-agent': 'docker-faas-probe', connection: 'close' }
    const request = http.get({ host, port, path, headers, agent: false, signal })
    let status: number | undefined
    const settle = (err?: Error) => (status === undefined ? reject(err) : resolve(status))
    request.on('error', settle)
    // Node tells of neither an answer nor an error when a server takes up another protocol, which nobody asked it for.
    request.on('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy()
      resolve(statusCode)
    })
    request.on('close', () => settle(new Error('the connection was closed without an answer')))
    request.on('response', response => {
      status = response.statusCode ?? 0
      let bytes = 0
      response.on('error', settle).on('close', settle)
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > BODY_MAX_BYTES) request.destroy()
      })
    })
  })
}
