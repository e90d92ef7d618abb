import { type Heir, inherits, legacyFunctionOf, legacyReplicaOf } from '../../api/legacy.ts'
import { keyOf, type StringMap } from '../../api/meta.ts'
import { parseQualifiedName } from '../../api/names.ts'
import type { OwnedObject } from '../owned.ts'

/** Why an object stays or goes. */
export type Verdict =
  | 'collect'
  /** Its owner is gone for less than the grace period. */
  | 'grace'
  /** It is older than the database: the database may have been lost, so a person decides. */
  | 'older-than-database'
  /** The database is older than what runs, and a person is asked to take its function over. */
  | 'adopt'
  /** The database is older than what runs, and does not know it: a person is asked. */
  | 'newer-than-database'
  /** The database holds no function at all: it may be the wrong one, so a person decides. */
  | 'database-empty'
  /** It is not of our making, whatever its labels say: it is a stranger's. */
  | 'forged'
  /** Its labels do not say whose it is. */
  | 'unknown-owner'
  /** Enough goes in this pass already. */
  | 'next-pass'
  /** The engine does not let it go; it is tried again. */
  | 'leaked'
  /** The older program made it for a function that did not come from its database: it is not ours to touch. */
  | 'legacy'

export interface Orphan {
  readonly object: OwnedObject
  readonly verdict: Verdict
}

/** What a person is asked, and what was answered. */
export interface Doubts {
  /** Whether anything is undecided: nothing goes until it is decided. */
  readonly isLatched: boolean
  /** Functions that wait to be taken over. */
  readonly undecided: readonly { readonly key: string; readonly uid: string }[]
  /** Uids of what may go, whatever the database looks like. */
  readonly discarded: ReadonlySet<string>
}

export const NO_DOUBTS: Doubts = { isLatched: false, undecided: [], discarded: new Set() }

export interface GcFacts {
  readonly owned: readonly OwnedObject[]
  /** Key → uid of every function that is written down, those being deleted included. */
  readonly living: ReadonlyMap<string, string>
  /** Keys of those that name no secrets: their own passes do not look for volumes. */
  readonly secretless?: ReadonlySet<string>
  /** When each orphan was first seen without an owner, by kind and id; milliseconds since the epoch. */
  readonly firstSeen: ReadonlyMap<string, number>
  readonly doubts: Doubts
  /** Those that the engine refused to remove at the last try, by kind and id; absent when there are none. */
  readonly refused?: ReadonlySet<string>
  /** Ids of networks and volumes whose function was deleted in this process, so that no lost database is behind it. */
  readonly deserted?: ReadonlySet<string>
  /** When the database was made; milliseconds since the epoch. */
  readonly bornAt: number
  readonly now: number
  readonly graceMs: number
  /** Most objects that may go in one pass, as a share of all that are ours. */
  readonly maxShare: number
}

/** The engine lists containers with the second of their creation only. */
const CREATED_PRECISION_MS = 1000

/** Identity of an object across passes. */
export function orphanKey(object: Pick<OwnedObject, 'kind' | 'id'>): string {
  return `${object.kind} ${object.id}`
}

/**
 * Every owned object without a living owner, every network beside the one that its function uses, every volume of a
 * function that names no secrets any more, and what is to become of it. When in doubt it stays: an object too many costs memory, one too few costs a service. Containers go before the
 * networks and volumes that they use, and of each kind who has waited longest. Pure.
 */
export function planGarbage(facts: GcFacts): Orphan[] {
  const order = { container: 0, network: 1, volume: 2 }
  const seen = (object: OwnedObject) => facts.firstSeen.get(orphanKey(object)) ?? facts.now
  const twins = twinsOf(facts.owned)
  const orphans = facts.owned
    .filter(object => isOrphan(object, facts.living) || twins.has(object.id) || isLeftVolume(object, facts))
    .sort((a, b) => order[a.kind] - order[b.kind] || seen(a) - seen(b) || (a.name < b.name ? -1 : 1))
  let left = Math.max(1, Math.floor(facts.owned.length * facts.maxShare))
  return orphans.map(object => {
    const verdict = verdictOf(object, facts)
    return { object, verdict: verdict === 'collect' && left-- <= 0 ? 'next-pass' : verdict }
  })
}

/** Containers and volumes belong to the uid, so that a new function of the same name does not shield an old one's; networks to the key. */
function isOrphan(object: OwnedObject, living: GcFacts['living']): boolean {
  if (object.forged === true || object.owner === undefined) return true
  const uid = living.get(object.owner)
  return uid === undefined || (object.kind !== 'network' && uid !== object.uid)
}

/** Nothing uses it, and its function will not either. */
function isLeftVolume({ kind, name, owner = '' }: OwnedObject, { secretless, owned }: GcFacts): boolean {
  if (kind !== 'volume' || secretless?.has(owner) !== true) return false
  return !owned.some(({ secretsVolume }) => secretsVolume === name)
}

/**
 * Ids of networks that two processes at once may have made: their function uses the oldest of its name, as
 * `inspectNetwork` does.
 */
function twinsOf(owned: readonly OwnedObject[]): Set<string> {
  const oldest = new Map<string, OwnedObject>()
  const networks = owned.filter(({ kind, forged, owner }) => kind === 'network' && !forged && owner !== undefined)
  for (const network of networks) {
    const known = oldest.get(network.name)
    if (known === undefined || isBefore(network, known)) oldest.set(network.name, network)
  }
  return new Set(networks.filter(network => oldest.get(network.name) !== network).map(({ id }) => id))
}

function isBefore(a: OwnedObject, b: OwnedObject): boolean {
  return a.createdAt === b.createdAt ? a.id < b.id : a.createdAt < b.createdAt
}

function verdictOf(object: OwnedObject, facts: GcFacts): Verdict {
  if (object.forged === true) return 'forged'
  if (object.owner === undefined) return 'unknown-owner'
  if (facts.doubts.isLatched) return isProposed(object, facts.doubts) ? 'adopt' : 'newer-than-database'
  if (!facts.doubts.discarded.has(object.uid ?? '') && facts.deserted?.has(object.id) !== true) {
    if (object.createdAt + CREATED_PRECISION_MS <= facts.bornAt) return 'older-than-database'
    if (facts.living.size === 0) return 'database-empty'
  }
  const since = facts.firstSeen.get(orphanKey(object)) ?? facts.now
  if (facts.now - since >= facts.graceMs) return 'collect'
  return facts.refused?.has(orphanKey(object)) === true ? 'leaked' : 'grace'
}

function isProposed({ kind, owner, uid }: OwnedObject, { undecided }: Doubts): boolean {
  return undecided.some(held => held.key === owner && (kind !== 'container' || held.uid === uid))
}

/** A container of any origin, as the engine lists it. */
export interface ListedContainer {
  readonly id: string
  readonly name: string
  readonly labels: StringMap
  readonly createdAt: number
}

/** The older program's containers that no function takes over. They are told, and never touched. Pure. */
export function planLegacy(containers: readonly ListedContainer[], heirs: readonly Heir[]): Orphan[] {
  return containers
    .flatMap(container => {
      const functionName = legacyFunctionOf(container.labels)
      const replica = legacyReplicaOf(container)
      const isInherited = replica !== undefined && heirs.some(heir => inherits(heir, replica))
      if (functionName === undefined || isInherited) return []
      const { id, name, createdAt } = container
      const owner = keyOf(parseQualifiedName(functionName))
      return [
        { object: { kind: 'container', id, name, role: undefined, owner, createdAt }, verdict: 'legacy' } as const
      ]
    })
    .sort((a, b) => (a.object.name < b.object.name ? -1 : 1))
}
