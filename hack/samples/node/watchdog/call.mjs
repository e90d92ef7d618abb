/** One request and its answer. */
export class Call {
  #startedAt = performance.now()

  constructor(request, response) {
    const [path, ...query] = request.url.split('?')
    Object.assign(this, { request, response, path, query: query.join('?') })
  }

  get isAnswered() {
    return this.response.headersSent || this.response.destroyed
  }

  get seconds() {
    return (performance.now() - this.#startedAt) / 1000
  }

  head(status, headers) {
    this.response.setHeader('X-Duration-Seconds', this.seconds.toFixed(6))
    for (const [name, value] of Object.entries(headers)) this.response.setHeader(name, value)
    this.response.writeHead(status)
  }

  /** Answers whole, unless that was done. */
  send(status, body = '', headers = {}) {
    if (this.isAnswered) return
    const bytes = Buffer.from(body)
    const hasBody = status !== 204 && status !== 304
    this.head(status, { ...(hasBody ? { 'Content-Length': bytes.length } : {}), ...headers })
    this.response.end(hasBody && this.request.method !== 'HEAD' ? bytes : undefined)
  }

  /** Says what went wrong where that can still be said; else the answer breaks off, so that nobody takes it for whole. */
  fail(status, text) {
    console.error(`${this.request.method} ${this.path}: ${text}`)
    if (this.isAnswered) this.response.destroy()
    else this.send(status, `${text}\n`, { 'Content-Type': 'text/plain; charset=utf-8' })
  }
}

/** Calls it after some time, 0 being never, unless what this returns is called before. */
export function after(ms, then) {
  const timer = ms > 0 ? setTimeout(then, ms) : undefined
  return () => clearTimeout(timer)
}
