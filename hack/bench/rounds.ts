import { setTimeout as delay } from 'node:timers/promises'
import type { Cell, Measured } from './data-plane-result.ts'
import { cpuMicros, familyOf, rssKiB } from './proc.ts'
import { type LoadResult, runLoad } from './wrk.ts'

/** A way to the static server. */
export interface Way {
  readonly url: string
  /** Of the process that stands between; absent for the direct way. */
  readonly pid?: number | undefined
  readonly authorization?: string | undefined
}

export type Ways = Readonly<Record<'direct' | 'nginx' | 'gateway', Way>>

export interface Plan {
  /** For files of the load. */
  readonly directory: string
  readonly rounds: number
  readonly seconds: number
}

/** What is sent or got over how many connections. */
export type Shape = Pick<Cell, 'direction' | 'connections'> & { readonly bytes: number }

interface Round extends LoadResult {
  readonly cpuMicros: number
  readonly rssKiB: number
}

const KIB = 1024
const SETTLE_MS = 50

/**
 * Medians of short rounds by all ways in turn, the first of which changes, so that what else the machine does is the same for all:
 * the ratios hold where the numbers do not.
 */
export async function measureCell(ways: Ways, shape: Shape, plan: Plan): Promise<Cell> {
  const names = ['direct', 'nginx', 'gateway'] as const
  const rounds: Record<(typeof names)[number], Round[]> = { direct: [], nginx: [], gateway: [] }
  for (let n = 0; n < plan.rounds; n++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(n + i) % names.length] ?? 'direct'
      rounds[name].push(await runRound(ways[name], shape, plan))
    }
  }
  const { direction, connections, bytes } = shape
  const bodyKiB = Number((bytes / KIB).toFixed(1))
  const [direct, nginx, gateway] = names.map(name => summarize(rounds[name])) as [Measured, Measured, Measured]
  return { direction, connections, bodyKiB, direct, nginx, gateway }
}

async function runRound(
  way: Way,
  { direction, connections, bytes }: Shape,
  { directory, seconds }: Plan
): Promise<Round> {
  await delay(SETTLE_MS)
  const isUpload = direction === 'upload'
  const pids = way.pid === undefined ? [] : familyOf(way.pid)
  const before = cpuMicros(pids)
  const result = await runLoad(directory, {
    url: `${way.url}/${isUpload ? 'upload' : bytes}`,
    ...{ connections, seconds, authorization: way.authorization },
    uploadBytes: isUpload ? bytes : 0
  })
  if (result.requests === 0) throw new Error(`no answer from ${way.url} over ${connections} connections`)
  return { ...result, cpuMicros: cpuMicros(pids) - before, rssKiB: rssKiB(pids) }
}

function summarize(rounds: readonly Round[]): Measured {
  const middle = (of: (round: Round) => number) => median(rounds.map(of))
  const isBetween = rounds.some(round => round.rssKiB > 0)
  return {
    requestsPerSecond: Math.round(middle(round => round.requests / round.seconds)),
    p50Ms: middle(round => round.p50Ms),
    p99Ms: middle(round => round.p99Ms),
    ...(isBetween
      ? {
          cpuMicrosPerRequest: Number(middle(round => round.cpuMicros / round.requests).toFixed(1)),
          rssMiB: Math.round(Math.max(...rounds.map(round => round.rssKiB)) / KIB)
        }
      : {}),
    requests: sum(rounds.map(round => round.requests)),
    errors: sum(rounds.map(round => round.errors))
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
