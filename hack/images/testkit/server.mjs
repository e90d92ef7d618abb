/**
 * The function that tests use. It echoes; query and environment make it misbehave.
 *
 * Query   delayMs, status, bytes (size of the answer) on any path; /stream?chunks=&intervalMs=, /exit?code=, /oom, /spin?ms=,
 *         /serial?ms= (one after another, also for those that have left)
 * Env     START_DELAY_MS, EXIT_AFTER_MS + EXIT_CODE, HEALTH_STATUS, IGNORE_TERM=1, NEVER_LISTEN=1, VERSION
 */
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
server.on('upgrade', (request, socket) => {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${request.headers.upgrade}\r\nConnection: Upgrade\r\n\r\n`)
  socket.pipe(socket)
})

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
