/**
 * HTTP before a handler, as OpenFaaS's of-watchdog has it. Without `fprocess`, function/handler.js runs in this process. With it,
 * that command runs once for each call: the body is its input, its output the answer, its errors go to the log, and `Http_*` in its
 * environment say the rest.
 */
import { createServer } from 'node:http'
import { after, Call } from './call.mjs'
import { runCommand } from './command.mjs'
import { config } from './config.mjs'
import { loadHandler, runHandler } from './handler.mjs'

/** The gateway keeps connections; they must not be closed under it. */
const KEEP_ALIVE_MS = 120_000
/** Node looks for requests that take too long so often. */
const CHECK_MS = 500

const hasCommand = config.command.length > 0
const handler = hasCommand ? undefined : await loadHandler()
let inflight = 0
let isDraining = false

function serve(request, response) {
  const call = new Call(request, response)
  if (isDraining) response.setHeader('Connection', 'close')
  if (call.path === '/_/health') return probe(call, isDraining ? 503 : 200, '')
  if (call.path === '/_/ready') return probe(call, readiness(), config.readyPath)
  if (isFull()) return call.fail(429, `max_inflight=${config.maxInflight} calls are under way`)
  return run(call)
}

const isFull = () => config.maxInflight > 0 && inflight >= config.maxInflight

function readiness() {
  if (isDraining) return 503
  return isFull() ? 429 : 200
}

/** Answers a probe; one that is to ask the function itself goes there. */
function probe(call, status, path) {
  if (call.request.method !== 'GET') return call.send(405)
  if (status !== 200 || path === '') return call.send(status, status === 200 ? 'OK' : '')
  call.path = path
  return run(call)
}

async function run(call) {
  const { request, response } = call
  inflight += 1
  const closed = new Promise(resolve => response.once('close', resolve))
  const done = after(config.writeMs, () => call.fail(504, 'write_timeout is over'))
  try {
    await (hasCommand ? runCommand(call) : runHandler(call, handler))
    await closed
  } catch (err) {
    if (response.destroyed) console.error(`${request.method} ${call.path}: the caller has left`)
    else call.fail(500, String(err))
  } finally {
    done()
    inflight -= 1
    console.log(`${request.method} ${call.path} - ${response.statusCode} - ${call.seconds.toFixed(4)}s`)
    if (isDraining && inflight === 0) stop()
  }
}

function stop() {
  console.log(`Stopped, ${inflight} calls cut`)
  process.exit(inflight === 0 ? 0 : 1)
}

const server = createServer(
  { requestTimeout: config.readMs, headersTimeout: config.readMs, connectionsCheckingInterval: CHECK_MS },
  serve
)
server.keepAliveTimeout = KEEP_ALIVE_MS
server.listen(config.port, () => console.log(`Listening on port ${config.port}`))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    console.log(`${signal}: ${inflight} calls under way`)
    isDraining = true
    if (inflight === 0) stop()
    else after(config.writeMs, stop)
  })
}
