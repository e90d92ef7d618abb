/**
 * The function that tests use. It echoes; query and environment make it misbehave.
 *
 * Any path takes an upgrade: a WebSocket echoes.
 * Query   delayMs, status, bytes (size of the answer) on any path; /stream?chunks=&intervalMs=, /exit?code=, /oom, /spin?ms=,
 *         /pour?bytes= (an answer in chunks that is held nowhere), /swallow (counts its body and holds nothing of it),
 *         /serial?ms= (one after another, also for those that have left), /say?text=&lines= (writes lines to stdout)
 * Env     START_DELAY_MS, EXIT_AFTER_MS + EXIT_CODE, HEALTH_STATUS, IGNORE_TERM=1, NEVER_LISTEN=1, VERSION
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const { env } = process
const number = (value, otherwise) => (value === null || value === undefined || value === '' ? otherwise : Number(value))
const say = text => process.stdout.write(`${text}\n`)

async function read(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function stream(response, query) {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
  for (let chunk = 0; chunk < number(query.get('chunks'), 3); chunk++) {
    if (response.destroyed) return
    response.write(`data: ${chunk}\n\n`)
    await delay(number(query.get('intervalMs'), 100))
  }
  response.end()
}

const PIECE = Buffer.alloc(64 * 1024, 'x')

async function pour(response, bytes) {
  for (let left = bytes; left > 0 && !response.destroyed; left -= PIECE.length) {
    if (!response.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE)) await once(response, 'drain')
  }
  response.end()
}

/** Done when the lines are written: `text 0`, `text 1` … */
async function speak(query) {
  const lines = number(query.get('lines'), 1)
  for (let line = 0; line < lines; line++) {
    const text = lines === 1 ? query.get('text') : `${query.get('text')} ${line}`
    if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain')
  }
}

async function swallow(request, response) {
  let bytes = 0
  for await (const chunk of request) bytes += chunk.length
  response.end(String(bytes))
}

/** Takes memory until the kernel has enough of it. */
async function devour() {
  const taken = []
  for (;;) {
    taken.push(Buffer.alloc(8 * 1024 * 1024, 1))
    await delay(1)
  }
}

function spin(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}

let turn = Promise.resolve()

/** As a program that does one thing at a time. */
function serial(ms) {
  turn = turn.then(() => delay(ms))
  return turn
}

async function answer(request, response) {
  const { pathname, searchParams: query } = new URL(request.url, 'http://testkit')
  if (pathname === '/_/health' && env.HEALTH_STATUS) {
    response.writeHead(Number(env.HEALTH_STATUS)).end()
    return
  }
  if (pathname === '/exit') process.exit(number(query.get('code'), 0))
  if (pathname === '/oom') return devour()
  if (pathname === '/say') await speak(query)
  if (pathname === '/pour') return pour(response, number(query.get('bytes'), 0))
  if (pathname === '/swallow') return swallow(request, response)
  if (pathname === '/stream') return stream(response, query)
  if (pathname === '/spin') spin(number(query.get('ms'), 100))
  if (pathname === '/serial') await serial(number(query.get('ms'), 10))
  const body = await read(request)
  await delay(number(query.get('delayMs'), 0))
  response.writeHead(number(query.get('status'), 200), { 'content-type': 'application/json', 'x-replica': hostname() })
  if (query.has('bytes')) response.end(Buffer.alloc(number(query.get('bytes'), 0), 'x'))
  else {
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body, hostname: hostname(), env: env.VERSION ?? '' }))
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch(err => response.destroy(err))
})
// A keep-alive connection that the gateway holds must not be closed under it.
server.keepAliveTimeout = 120_000

/** A WebSocket says its version and name first, then every message back; any other protocol is said back byte by byte. */
server.on('upgrade', (request, socket, head) => {
  const { upgrade, 'sec-websocket-key': key } = request.headers
  const accept = key === undefined ? [] : [`Sec-WebSocket-Accept: ${acceptOf(key)}`]
  const lines = ['HTTP/1.1 101 Switching Protocols', `Upgrade: ${upgrade}`, 'Connection: Upgrade', ...accept]
  socket.on('error', () => undefined)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (key === undefined) socket.pipe(socket)
  else converse(socket, head)
})

function acceptOf(key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

function converse(socket, head) {
  let bytes = head
  socket.write(frame(1, Buffer.from(JSON.stringify({ env: env.VERSION ?? '', hostname: hostname() }))))
  const read = chunk => {
    bytes = Buffer.concat([bytes, chunk])
    for (let taken = takeFrame(bytes); taken !== undefined; taken = takeFrame(bytes)) {
      bytes = taken.rest
      if (taken.opcode === 9) socket.write(frame(10, taken.payload))
      else if (taken.opcode !== 8) socket.write(frame(taken.opcode, taken.payload))
      else socket.end(frame(8, taken.payload.subarray(0, 2)))
    }
  }
  socket.on('data', read).on('end', () => socket.end())
  read(Buffer.alloc(0))
}

/** The first whole frame of a client; of the three forms of a length, those up to 64 KiB. */
function takeFrame(bytes) {
  if (bytes.length < 2) return undefined
  const isLong = (bytes[1] & 0x7f) === 126
  const start = (isLong ? 4 : 2) + 4
  if (bytes.length < start) return undefined
  const length = isLong ? bytes.readUInt16BE(2) : bytes[1] & 0x7f
  if (bytes.length < start + length) return undefined
  const mask = bytes.subarray(start - 4, start)
  const payload = Buffer.from(bytes.subarray(start, start + length).map((byte, i) => byte ^ mask[i % 4]))
  return { opcode: bytes[0] & 0x0f, payload, rest: bytes.subarray(start + length) }
}

function frame(opcode, payload) {
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), payload])
}

process.on('exit', code => say(`testkit exits with ${code}`))
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    say(`testkit got ${signal}`)
    if (env.IGNORE_TERM === '1') return
    // Running requests end by themselves; only then does the process.
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}

say(`testkit starts, version ${env.VERSION ?? 'none'}`)
if (env.EXIT_AFTER_MS) setTimeout(() => process.exit(number(env.EXIT_CODE, 1)), Number(env.EXIT_AFTER_MS))
if (env.NEVER_LISTEN === '1') setInterval(() => undefined, 60_000)
else {
  await delay(number(env.START_DELAY_MS, 0))
  server.listen(8080, () => say('testkit listens'))
}
