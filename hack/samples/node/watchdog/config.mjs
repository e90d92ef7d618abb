/**
 * Environment of the watchdog. Times are those of Go (`1m30s`), a bare number being seconds; 0 is no limit.
 *
 * port            8080
 * fprocess        a command that is run for each call, in place of function/handler.js; its words are parted by spaces
 * mode            of fprocess: `streaming`, or `serializing`, which holds the output until it is known how the command ended
 * content_type    of what fprocess says: application/octet-stream
 * exec_timeout    10s; then 504, and the command is killed
 * read_timeout    10s for a request; then 408
 * write_timeout   10s for a call with its answer; then it is cut. So long have running calls after SIGTERM, too
 * max_inflight    0; calls beyond get 429
 * ready_path      what `/_/ready` asks the function for, instead of answering by itself
 * max_body_bytes  10485760 for function/handler.js; beyond 413
 */
const { env } = process
const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 }
const PART = /(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g

export const config = {
  port: number('port', 8080),
  command: (env.fprocess || env.function_process || '').split(' ').filter(word => word !== ''),
  isHeld: env.mode === 'serializing',
  contentType: env.content_type || 'application/octet-stream',
  execMs: milliseconds('exec_timeout', '10s'),
  readMs: milliseconds('read_timeout', '10s'),
  writeMs: milliseconds('write_timeout', '10s'),
  maxInflight: number('max_inflight', 0),
  readyPath: env.ready_path || '',
  maxBodyBytes: number('max_body_bytes', 10 * 1024 * 1024)
}

function milliseconds(name, otherwise) {
  const text = env[name] || otherwise
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const parts = [...text.matchAll(PART)]
  if (parts.map(([part]) => part).join('') !== text) refuse(name, text, 'a time such as 1m30s')
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0)
}

function number(name, otherwise) {
  const text = env[name] || String(otherwise)
  if (!/^\d+$/.test(text)) refuse(name, text, 'a number')
  return Number(text)
}

function refuse(name, text, wanted) {
  console.error(`${name}=${text}: must be ${wanted}`)
  process.exit(1)
}
