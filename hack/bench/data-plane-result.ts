/** What `npm run bench:data` prints. */
import { z } from 'zod'

/** One way to the static server. `worker`: what stands between is a process of its own, or none. */
const Measured = z.strictObject({
  requestsPerSecond: z.number().positive(),
  p50Ms: z.number().positive(),
  p99Ms: z.number().positive(),
  /** Of what stands between, its kernel's part as well; absent for the direct way. */
  cpuMicrosPerRequest: z.number().positive().optional(),
  /** The most that was seen. */
  rssMiB: z.number().positive().optional(),
  requests: z.int().positive(),
  errors: z.int().nonnegative()
})
export type Measured = z.infer<typeof Measured>

/** The same calls by all ways. */
const Cell = z.strictObject({
  /** Which of the two bodies is long. */
  direction: z.enum(['download', 'upload']),
  connections: z.int().positive(),
  bodyKiB: z.number().positive(),
  direct: Measured,
  nginx: Measured,
  gateway: Measured
})
export type Cell = z.infer<typeof Cell>

/** Calls while the gateway serves its data plane with so many worker processes; 0: in the process of the controller. */
const Phase = z.strictObject({ workers: z.int().nonnegative(), cells: z.array(Cell).min(1) })
export type Phase = z.infer<typeof Phase>

/** Server-sent events that say nothing any more. */
const IdleStreams = z.strictObject({
  streams: z.int().positive(),
  rssKiBBefore: z.number().positive(),
  rssKiB: z.number().positive(),
  rssKiBPerStream: z.number()
})
export type IdleStreams = z.infer<typeof IdleStreams>

const Bar = z.strictObject({ name: z.string(), bar: z.string(), value: z.number(), holds: z.boolean() })
export type Bar = z.infer<typeof Bar>

export const DataPlaneResult = z.strictObject({
  machine: z.strictObject({ cpu: z.string(), cpus: z.int().positive(), node: z.string(), loadAverage: z.number() }),
  startedAt: z.iso.datetime(),
  secondsPerRound: z.int().positive(),
  rounds: z.int().positive(),
  phases: z.array(Phase).min(1),
  idleStreams: IdleStreams,
  bars: z.array(Bar).min(1)
})
export type DataPlaneResult = z.infer<typeof DataPlaneResult>
