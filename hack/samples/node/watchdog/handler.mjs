import { parse } from 'node:querystring'
import { after } from './call.mjs'
import { config } from './config.mjs'

const TEXT = 'text/plain; charset=utf-8'

/** What function/handler.js exports, as `module.exports`, by default, or as `handle`. Throws when that is no function. */
export async function loadHandler() {
  const { default: main, handle } = await import('../function/handler.js')
  const handler = main ?? handle
  if (typeof handler !== 'function') throw new Error('function/handler.js must export a function (event, context)')
  return handler
}

/** Answers with what the handler says. Resolves when it did, be that after the time for it was over. */
export async function runHandler(call, handler) {
  const body = decode(call, await readBody(call.request))
  if (call.isAnswered) return
  const { request, path, query } = call
  const event = { body, headers: request.headers, method: request.method, query: { ...parse(query) }, path }
  const done = after(config.execMs, () => call.fail(504, 'exec_timeout is over'))
  await new Promise(resolve => invoke(handler, event, new Context(call, resolve)))
  done()
}

function invoke(handler, event, context) {
  const callback = (err, value) => (err ? context.fail(err) : context.succeed(value))
  Promise.resolve()
    .then(() => handler(event, context, callback))
    .then(
      value => context.succeed(value),
      err => context.fail(err)
    )
}

/** What the handler answers with; the first answer counts. */
class Context {
  #status = 200
  #headers = {}
  #call
  #over

  constructor(call, over) {
    this.#call = call
    this.#over = over
  }

  status(code) {
    if (code === undefined) return this.#status
    this.#status = code
    return this
  }

  headers(values) {
    if (values === undefined) return this.#headers
    this.#headers = values
    return this
  }

  succeed(value) {
    this.#answer(...encode(value))
  }

  fail(value) {
    if (this.#status === 200) this.#status = 500
    console.error(value)
    this.#answer(String(value), TEXT)
  }

  #answer(body, type) {
    try {
      this.#call.send(this.#status, body, { 'Content-Type': type, ...this.#headers })
    } catch (err) {
      this.#call.fail(500, `the status or a header of the handler cannot be sent: ${err.message}`)
    }
    this.#over()
  }
}

function encode(value) {
  if (value === undefined || value === null) return ['', TEXT]
  if (value instanceof Uint8Array) return [value, 'application/octet-stream']
  return typeof value === 'object' ? [JSON.stringify(value), 'application/json'] : [String(value), TEXT]
}

/** Undefined when it is larger than may be. */
async function readBody(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= config.maxBodyBytes) chunks.push(chunk)
  }
  return bytes > config.maxBodyBytes ? undefined : Buffer.concat(chunks)
}

/** The body as its type says, and as it is with `RAW_BODY=true`; answers when it cannot be had. */
function decode(call, bytes) {
  if (bytes === undefined) return call.fail(413, `the body has more than max_body_bytes=${config.maxBodyBytes}`)
  if (process.env.RAW_BODY === 'true') return bytes
  const type = (call.request.headers['content-type'] ?? TEXT).split(';')[0].trim().toLowerCase()
  if (bytes.length === 0 || type.startsWith('text/')) return bytes.toString()
  if (type === 'application/x-www-form-urlencoded') return { ...parse(bytes.toString()) }
  return type === 'application/json' ? parseJson(call, bytes) : bytes
}

function parseJson(call, bytes) {
  try {
    return JSON.parse(bytes)
  } catch {
    return call.fail(400, 'the body is no JSON')
  }
}
