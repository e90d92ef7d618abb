import { contends, waitsFor } from './debug-ports.ts'
import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'

/** What becomes of old replicas that do not answer while their successors do not either. */
export interface Revival {
  /** Ids of outdated replicas that stay until then, though they do not answer. */
  readonly held: ReadonlySet<string>
  /** Old replicas that are started again now. */
  readonly start: readonly { readonly replica: Replica; readonly cause: string }[]
}

interface Facts {
  readonly outdated: readonly Replica[]
  /** The replica that fills each wanted ordinal. */
  readonly kept: ReadonlyMap<number, Replica>
  /** Nothing new can be created before something goes. */
  readonly isFull: boolean
  readonly now: number
}

/**
 * Lets the old revision serve on while the new one cannot: of outdated replicas that do not answer it holds as many as
 * are short of what is wanted, one for each ordinal, and starts those again that exited, after their back-off. An image
 * that is not there yet makes every replica an old one. None is held where a new one waits for its room or its debug
 * ports, nor started again with ports that a new one is to have. Pure.
 */
export function decideRevival(desired: Desired, observed: Observed, facts: Facts): Revival {
  const held = desired.hash === undefined ? [...facts.kept.values()] : chooseHeld(desired, observed, facts)
  const why = waitedFor(desired)
  const start = held
    .filter(replica => isRestartable(replica) && dueAt(desired, replica) <= facts.now)
    .filter(replica => !observed.replicas.some(other => waitsFor(replica, other)))
    .map(replica => ({ replica, cause: `exited with code ${replica.container.exitCode}, and ${why}` }))
  return { held: new Set(held.map(({ id }) => id)), start }
}

function waitedFor({ hash, image, missingProfiles }: Desired): string {
  if (hash !== undefined) return 'its successor is not ready'
  if (missingProfiles.length > 0) return 'a profile is missing'
  return image.state === 'pinned' ? 'a secret is missing' : 'its image is not there'
}

/** When an old replica may be started again; milliseconds since the epoch. */
export function dueAt({ outdatedRestarts }: Desired, { ordinal }: Replica): number {
  const record = outdatedRestarts.find(r => r.ordinal === ordinal)
  return record === undefined ? 0 : Date.parse(record.notBefore)
}

/** It ran, and ended without being asked to. */
export function isRestartable({ phase, stoppingSince, container, legacy }: Replica): boolean {
  return phase === 'exited' && stoppingSince === undefined && container.startedAt !== undefined && legacy === undefined
}

/** Of these, the ones that exited and would be started again: for each ordinal the one whose last run was the longest. */
export function restartable(replicas: readonly Replica[]): Replica[] {
  const best = new Map<number, Replica>()
  for (const replica of replicas.filter(isRestartable)) {
    const other = best.get(replica.ordinal)
    if (other === undefined || isBetter(replica, other)) best.set(replica.ordinal, replica)
  }
  return [...best.values()]
}

function chooseHeld(desired: Desired, { replicas }: Observed, { outdated, kept, isFull }: Facts): Replica[] {
  if (isFull) return []
  const own = outdated.filter(r => r.legacy === undefined && r.hash !== desired.hash && r.ordinal < desired.replicas)
  const served = new Set(replicas.filter(r => r.phase === 'ready' && r.uid === desired.owner.uid).map(r => r.ordinal))
  const alive = own.filter(r => isAlive(desired, r) && !waitsFor(kept.get(r.ordinal), r))
  const candidates = [...alive, ...restartable(own.filter(r => isAlone(r, own) && !contends(desired, r)))]
  const best = new Map<number, Replica>()
  for (const replica of candidates) if (!best.has(replica.ordinal)) best.set(replica.ordinal, replica)
  const short = desired.replicas - replicas.filter(r => r.phase === 'ready' && r.uid === desired.owner.uid).length
  return [...best.values()]
    .filter(r => !served.has(r.ordinal) && kept.get(r.ordinal)?.phase !== 'ready')
    .sort((a, b) => a.ordinal - b.ordinal)
    .slice(0, Math.max(0, short))
}

/** No other one of its ordinal and revision runs or is about to. */
function isAlone({ ordinal, hash }: Replica, own: readonly Replica[]): boolean {
  return !own.some(r => r.ordinal === ordinal && r.hash === hash && r.phase !== 'exited' && r.phase !== 'removing')
}

/** Has answered once, or was started again. One that never answered is no revision to fall back on. */
function isAlive({ outdatedRestarts }: Desired, { phase, id }: Replica): boolean {
  if (phase === 'unready') return true
  return phase === 'starting' && outdatedRestarts.some(record => record.container === id.slice(0, 12))
}

function isBetter(a: Replica, b: Replica): boolean {
  const [x, y] = [ranMs(a), ranMs(b)]
  return x === y ? a.id < b.id : x > y
}

function ranMs({ container: { startedAt = 0, finishedAt = 0 } }: Replica): number {
  return finishedAt - startedAt
}
