import * as z from 'zod'

/** What a function uses now, all of its replicas together. */
export const FunctionUsage = z.object({
  /** Thousandths of a core. */
  cpuMillicores: z.number().min(0),
  /** Without the file cache that is not in use. */
  memoryBytes: z.int().min(0)
})
export type FunctionUsage = Readonly<z.infer<typeof FunctionUsage>>

/** One function as `GET /v1/usage` lists it. */
export const FunctionUsageItem = z.object({
  metadata: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }),
  replicas: z.int().min(0),
  readyReplicas: z.int().min(0),
  /** Calls that have finished since the function was made. */
  invocationCount: z.int().min(0),
  /** Calls that are running. */
  inflight: z.int().min(0),
  /** Absent: it could not be read. */
  usage: FunctionUsage.optional()
})
export type FunctionUsageItem = Readonly<z.infer<typeof FunctionUsageItem>>
