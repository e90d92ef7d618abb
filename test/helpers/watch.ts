import { type ApiServer, AUTHORIZATION } from './api-server.ts'

export interface Told {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: the resource or the problem, as it came
  readonly object: any
}

/** A watch as a client sees it. */
export interface Watch {
  readonly response: Response
  /** Waits for one change; undefined at the end of the stream. */
  readonly next: () => Promise<Told | undefined>
  /** So many changes, as `ADDED name`; `end` at the end of the stream. */
  readonly take: (count: number) => Promise<string[]>
  readonly leave: () => void
}

/** Opens the watch of this path. */
export async function follow(api: ApiServer, path: string, authorization = AUTHORIZATION): Promise<Watch> {
  const abort = new AbortController()
  const response = await fetch(`${api.url}${path}`, { headers: { authorization }, signal: abort.signal })
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  const next = async (): Promise<Told | undefined> => {
    for (;;) {
      const end = rest.indexOf('\n')
      if (end >= 0) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 1)
        return JSON.parse(line)
      }
      const { value, done } = await reader.read()
      if (done) return undefined
      rest += value
    }
  }
  const take = async (count: number) => {
    const told: string[] = []
    while (told.length < count) {
      const change = await next()
      const name = change?.object.metadata?.name ?? change?.object.name ?? change?.object.code
      told.push(change === undefined ? 'end' : `${change.type} ${name}`)
    }
    return told
  }
  return { response, next, take, leave: () => abort.abort() }
}
