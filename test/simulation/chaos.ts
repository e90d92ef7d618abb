import { ENGINE_FAULTS, EngineError, type EngineFault } from '../../src/engine/faults.ts'
import type { Random } from './random.ts'

/** What is wrong with the world at the moment: probabilities of one call, from 0 to 1. */
export interface Rates {
  /** An engine call fails, half of the time after it has had its effect. */
  fault: number
  /** The process is killed at a mutating call or a write. */
  kill: number
  /** A call takes seconds instead of milliseconds. */
  slow: number
  /** A removal goes on for seconds, and the container stands there as `removing` meanwhile. */
  slowRemoval: number
  /** An event is lost. */
  lostEvent: number
  /** An event comes late, and so after later ones. */
  lateEvent: number
  /** A write of the store fails. */
  storeFault: number
}

export const CALM: Rates = { fault: 0, kill: 0, slow: 0, slowRemoval: 0, lostEvent: 0, lateEvent: 0, storeFault: 0 }

/** Rates of one seed: each kind of trouble is absent, rare or common. */
export function randomRates(random: Random): Rates {
  const level = (rare: number, common: number) => random.pick([0, rare, common]) ?? 0
  return {
    fault: level(0.02, 0.15),
    kill: level(0.003, 0.03),
    slow: level(0.01, 0.1),
    slowRemoval: level(0.1, 0.7),
    lostEvent: level(0.05, 0.6),
    lateEvent: level(0.05, 0.5),
    storeFault: level(0.01, 0.1)
  }
}

/** Every fault but an abort, which only the caller brings about. */
const FAULTS = ENGINE_FAULTS.filter(fault => fault !== 'aborted')

export function randomFault(random: Random, { isPoolTight }: { isPoolTight: boolean }): EngineFault {
  const fault = random.pick(FAULTS) ?? 'other'
  // A subnet that was refused is left alone for ten minutes: a small pool would be exhausted by lies alone.
  return fault === 'subnet-overlap' && isPoolTight ? 'unavailable' : fault
}

export function injected(operation: string, fault: EngineFault): EngineError {
  return new EngineError(operation, fault, `${operation} failed: injected ${fault}`)
}
