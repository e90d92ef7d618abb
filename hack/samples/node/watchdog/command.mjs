import { spawn } from 'node:child_process'
import { after } from './call.mjs'
import { config } from './config.mjs'

/** Runs the command with the body as its input, and answers with its output. Resolves when it has ended. */
export function runCommand(call) {
  const { request, response } = call
  const [program, ...args] = config.command
  const child = spawn(program, args, { env: commandEnv(call), detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  const kill = () => killGroup(child)
  const done = after(config.execMs, () => {
    call.fail(504, 'exec_timeout is over')
    kill()
  })
  response.once('close', kill)
  child.stdin.on('error', () => request.resume()) // it need not read its input
  request.pipe(child.stdin)
  const held = config.isHeld ? hold(child) : pass(child, call)
  return new Promise(resolve => {
    child.once('error', err => resolve(call.fail(500, `${program} cannot be started: ${err.message}`)))
    child.once('close', (code, signal) => {
      if (code === 0) finish(call, held)
      else call.fail(500, signal === null ? `exit status ${code}` : `signal: ${signal}`)
      resolve()
    })
  }).finally(done)
}

/** Ends it with all that it started, unless it has ended. */
function killGroup({ pid, exitCode, signalCode }) {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL')
}

function hold(child) {
  const chunks = []
  child.stdout.on('data', chunk => chunks.push(chunk))
  return chunks
}

/** Passes its output on as it comes; the head waits for the first of it, as the command may fail before. */
function pass(child, call) {
  child.stdout.on('data', chunk => {
    if (call.response.destroyed) return
    if (!call.isAnswered) call.head(200, contentType())
    if (call.response.write(chunk)) return
    child.stdout.pause()
    call.response.once('drain', () => child.stdout.resume())
  })
  return []
}

function finish(call, held) {
  if (call.isAnswered) call.response.end()
  else call.send(200, Buffer.concat(held), contentType())
}

const contentType = () => ({ 'Content-Type': config.contentType })

/** Names as Go writes them: `x-call-id` is `Http_X_Call_Id`. */
function commandEnv({ request, path, query }) {
  const env = { ...process.env }
  for (const [name, [value]] of Object.entries(request.headersDistinct)) {
    const words = name.split('-').map(word => word.charAt(0).toUpperCase() + word.slice(1))
    env[`Http_${words.join('_')}`] = value
  }
  return { ...env, Http_Method: request.method, Http_Path: path, ...(query === '' ? {} : { Http_Query: query }) }
}
