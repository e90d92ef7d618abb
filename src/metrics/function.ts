import type { Gauge, Registry } from 'prom-client'
import { parseKey } from '../../api/meta.ts'
import { BoundFunction, type FunctionMetrics } from './function-calls.ts'
import { createFunctionFamilies, type FunctionFamilies } from './function-families.ts'

/** Replicas of a function, by what they are. */
export interface ReplicaCounts {
  readonly wanted: number
  /** Containers of it, in whatever phase. */
  readonly replicas: number
  readonly ready: number
  readonly frozen: number
  /** The load per replica that its autoscaler aims at; left out when it has none. */
  readonly target?: number
  /** The least number of replicas that its autoscaler leaves, and the most. */
  readonly min?: number
  readonly max?: number
}

/** `name.namespace`: the value of the label `function_name`, for functions of the default namespace too. */
export function functionNameLabel(key: string): string {
  const { namespace, name } = parseKey(key)
  return `${name}.${namespace}`
}

/** The metrics of functions: OpenFaaS's names, and those that the older Docker FaaS had. */
export class FunctionMetricsTable {
  readonly #families: FunctionFamilies
  readonly #byKey = new Map<string, BoundFunction>()

  constructor(registry: Registry) {
    this.#families = createFunctionFamilies(registry)
  }

  /** The same object for a key until that is removed. Ask only for functions that exist: each one makes series. */
  get(key: string): FunctionMetrics {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const bound = new BoundFunction(functionNameLabel(key), this.#families)
    this.#byKey.set(key, bound)
    return bound
  }

  /** As `get`, but makes nothing. */
  find(key: string): FunctionMetrics | undefined {
    return this.#byKey.get(key)
  }

  /** Every function that somebody asked for. */
  entries(): IterableIterator<[string, FunctionMetrics]> {
    return this.#byKey.entries()
  }

  setReplicas(key: string, counts: ReplicaCounts): void {
    this.get(key)
    const families = this.#families
    const name = functionNameLabel(key)
    families.serviceCount.set({ function_name: name }, counts.ready)
    families.serviceReady.set({ function_name: name }, counts.ready)
    families.legacyReplicas.set({ function_name: name }, counts.replicas)
    families.replicasWanted.set({ function_name: name }, counts.wanted)
    families.frozen.set({ function_name: name }, counts.frozen)
    setOrRemove(families.serviceTarget, name, counts.target)
    setOrRemove(families.serviceMin, name, counts.min)
    setOrRemove(families.replicasMax, name, counts.max)
  }

  /** Removes every series of the function. Calls that still run are not counted any more. */
  remove(key: string): void {
    this.#byKey.get(key)?.close()
    this.#byKey.delete(key)
  }
}

function setOrRemove(family: Gauge, name: string, value: number | undefined): void {
  if (value === undefined) family.remove({ function_name: name })
  else family.set({ function_name: name }, value)
}
