import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import type { StringMap } from '../../api/meta.ts'
import { parseCpu, parseMemory } from '../../api/quantity.ts'
import { MIN_MEMORY_BYTES } from '../../api/quota.ts'
import type { Container, EngineInfo } from '../../src/engine/engine.ts'

/** What a replica may use of memory and CPU; 0: no limit. */
export interface Limits {
  readonly memoryBytes: number
  readonly nanoCpus: number
  /** Which of them neither the spec nor the configuration names: they come of the size of the engine. */
  readonly derived: { readonly memory: boolean; readonly cpu: boolean }
}

/** The limits of functions for which nobody names any. */
interface Defaults {
  readonly memoryDefaultBytes: number
  readonly nanoCpusDefault: number
}

/** Of the engine's memory and cores, for a function that names no limit: it must not take the host with it. */
const SHARE = 0.9
const MIB = 2 ** 20
/** The engine counts CPU in hundredths of a core. */
const CPU_STEP = 1e7
/** Less than a millisecond in each tenth of a second cannot be had of the kernel. */
const MIN_NANO_CPUS = 1e7

/** The limits that new replicas of the object get; none where they come of the engine, and that was not asked yet. */
export function limitsOf({ spec }: FunctionObject, policy: Defaults, engine: EngineInfo | undefined): Limits {
  const memory = spec.limits.memory === undefined ? policy.memoryDefaultBytes : (parseMemory(spec.limits.memory) ?? 0)
  const cpu = spec.limits.cpu === undefined ? policy.nanoCpusDefault : (parseCpu(spec.limits.cpu) ?? 0)
  return {
    memoryBytes: memory === 0 ? shareOfMemory(engine) : Math.max(memory, MIN_MEMORY_BYTES),
    nanoCpus: cpu === 0 ? shareOfCpu(engine) : takenCpu(cpu, engine),
    derived: { memory: memory === 0, cpu: cpu === 0 }
  }
}

/** What a replica says of the limits that it is made with; nothing where the spec and the configuration say it. */
export function limitsLabel({ derived, memoryBytes, nanoCpus }: Limits): StringMap {
  const isDerived = (derived.memory && memoryBytes > 0) || (derived.cpu && nanoCpus > 0)
  return isDerived ? { [LABEL.limits]: `${memoryBytes} ${nanoCpus}` } : {}
}

/**
 * Whether the container has the limits that are wanted. Those that come of the engine's size are as they were when it was
 * made, so that neither a release that brings them nor memory that is added to the host replaces every replica.
 */
export function hasLimits({ derived, memoryBytes, nanoCpus }: Limits, container: Container): boolean {
  const made = madeWith(container.labels)
  const wanted = {
    memoryBytes: derived.memory ? made.memoryBytes : memoryBytes,
    nanoCpus: derived.cpu ? made.nanoCpus : nanoCpus
  }
  // Where memory cannot be limited, another container would have no limit either.
  const hasMemory = container.memoryBytes === wanted.memoryBytes || container.memoryUnlimitable === true
  return hasMemory && container.nanoCpus === wanted.nanoCpus
}

/** Releases that gave no limits by themselves wrote nothing down. */
function madeWith(labels: StringMap): Pick<Limits, 'memoryBytes' | 'nanoCpus'> {
  const [memoryBytes = 0, nanoCpus = 0] = (labels[LABEL.limits] ?? '0 0').split(' ').map(Number)
  return { memoryBytes, nanoCpus }
}

/** As on Kubernetes, a limit may be smaller than can be had, and larger than the machine; the engine refuses both. */
function takenCpu(nanoCpus: number, engine: EngineInfo | undefined): number {
  const cores = engine === undefined || engine.cpus === 0 ? Number.POSITIVE_INFINITY : engine.cpus
  return Math.min(Math.max(nanoCpus, MIN_NANO_CPUS), cores * 1e9)
}

function shareOfMemory(engine: EngineInfo | undefined): number {
  return engine === undefined ? 0 : Math.floor((engine.memoryBytes * SHARE) / MIB) * MIB
}

function shareOfCpu(engine: EngineInfo | undefined): number {
  return engine?.canLimitCpu === true ? Math.floor((engine.cpus * 1e9 * SHARE) / CPU_STEP) * CPU_STEP : 0
}
