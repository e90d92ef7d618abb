import type { Context } from 'koa'

/** Aborts when the client leaves; at once when it has left already, as it may while its request waits. */
export function departureOf({ res }: Context): AbortSignal {
  const gone = new AbortController()
  if (res.closed) gone.abort()
  else res.once('close', () => gone.abort())
  return gone.signal
}
