/** Debian's `wrk`: a client that costs little beside what it measures. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Load {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Bytes that are sent with each request; 0: it is a GET. */
  readonly uploadBytes: number
  /** Value of `Authorization`. */
  readonly authorization?: string | undefined
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Connections, reads and writes that failed, answers other than 2xx and 3xx, and those that took longer than two seconds. */
  readonly errors: number
}

const MICROS = 1e6
const MICROS_PER_MS = 1000

/** Calls over so many connections, one call at a time on each. `directory`: for its script, which holds the credentials. */
export async function runLoad(directory: string, load: Load): Promise<LoadResult> {
  const script = join(directory, 'load.lua')
  writeFileSync(script, scriptOf(load), { mode: 0o600 })
  const args = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '-s', script, load.url]
  const { stdout } = await promisify(execFile)('wrk', args)
  const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<
    'requests' | 'micros' | 'p50' | 'p99' | 'errors',
    number
  >
  const { requests, micros, p50, p99, errors } = told
  return { requests, seconds: micros / MICROS, p50Ms: p50 / MICROS_PER_MS, p99Ms: p99 / MICROS_PER_MS, errors }
}

/** What wrk sends, and that it ends with a line of JSON. */
function scriptOf({ uploadBytes, authorization }: Load): string {
  return [
    ...(authorization === undefined ? [] : [`wrk.headers["Authorization"] = "${authorization}"`]),
    ...(uploadBytes === 0 ? [] : [`wrk.method = "POST"`, `wrk.body = string.rep("x", ${uploadBytes})`]),
    'done = function(summary, latency)',
    '  local e = summary.errors',
    '  io.write(string.format(\'{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}\\n\',',
    '    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),',
    '    e.connect + e.read + e.write + e.status + e.timeout))',
    'end'
  ].join('\n')
}
