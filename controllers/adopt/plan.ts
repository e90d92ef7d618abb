import type { Undecided } from '../../api/adoption.ts'
import { type FunctionObject, INITIAL_STATUS } from '../../api/function.ts'
import { keyOf, parseKey } from '../../api/meta.ts'
import { templateHash } from '../../api/spec-hash.ts'
import type { OwnedObject, ReplicaRecord } from '../owned.ts'

/** What helps, for people. */
export const REMEDY = 'see GET /v1/adopt or "docker-faas adopt", then confirm'

export interface Comparison {
  readonly owned: readonly OwnedObject[]
  readonly functions: readonly FunctionObject[]
  /** The resourceVersion of the database when it was opened. */
  readonly baseline: number
  /** Uids that a person has given up. */
  readonly discarded: ReadonlySet<string>
}

/** What runs, compared with the database. */
export interface Finding {
  /** The highest resourceVersion on any label; 0 when there is none. */
  readonly newest: number
  /** Whether something was made that the database does not know of, by a database that was newer than this one. */
  readonly isAhead: boolean
  /** The functions that can be made again of what runs. */
  readonly undecided: readonly Undecided[]
}

/**
 * Whether the database is older than what runs: lost, or restored from an old backup. What it does not know although
 * its own resourceVersion is not behind is an orphan, and nothing to ask about. Pure.
 */
export function compare({ owned, functions, baseline, discarded }: Comparison): Finding {
  const genuine = owned.filter(object => object.forged !== true && object.owner !== undefined)
  const rows = new Map(functions.map(object => [keyOf(object.metadata), object]))
  const ahead = genuine.filter(
    object =>
      (object.resourceVersion ?? 0) > baseline &&
      !discarded.has(object.uid ?? '') &&
      !isKnown(object, rows.get(object.owner ?? ''))
  )
  const undecided = new Map<string, OwnedObject>()
  for (const object of ahead.filter(({ record }) => record !== undefined)) {
    const { owner = '' } = object
    const other = undecided.get(owner)
    if (other === undefined || versionOf(object) > versionOf(other)) undecided.set(owner, object)
  }
  return {
    newest: Math.max(0, ...genuine.map(versionOf)),
    isAhead: ahead.length > 0,
    undecided: [...undecided].map(([key, { uid = '' }]) => ({ key, uid })).sort((a, b) => (a.key < b.key ? -1 : 1))
  }
}

function versionOf({ resourceVersion }: OwnedObject): number {
  return resourceVersion ?? 0
}

/** Networks and volumes belong to the name; a container to the uid, and a row may be as old as its generation. */
function isKnown(object: OwnedObject, row: FunctionObject | undefined): boolean {
  if (row === undefined || object.kind !== 'container') return row !== undefined
  return row.metadata.uid === object.uid && (object.record?.generation ?? 0) <= row.metadata.generation
}

/** A function that can be made again of what runs of it. */
export interface Proposal {
  /** As it would be written down; its resourceVersion is the store's to say. */
  readonly object: FunctionObject
  /** The generation of what runs. */
  readonly runs: number
  /** What the database has under this name. */
  readonly row?: FunctionObject
  /** Names of its containers. */
  readonly containers: readonly string[]
  /** Somebody has written the function anew since, and that spec is kept. */
  readonly isRewritten: boolean
}

/**
 * What adopting would write: for each function that waits, the newest of what runs of it, with as many replicas as it
 * has ordinals. What a person has written since `since` goes before it, as one generation more. Pure.
 */
export function proposeAdoption(
  undecided: readonly Undecided[],
  facts: {
    readonly owned: readonly OwnedObject[]
    readonly functions: readonly FunctionObject[]
    readonly since: number
    readonly now: number
  }
): Proposal[] {
  const rows = new Map(facts.functions.map(object => [keyOf(object.metadata), object]))
  return undecided.flatMap(({ key, uid }) => {
    const own = facts.owned.filter(o => o.owner === key && o.uid === uid && o.forged !== true && o.record !== undefined)
    const rebuilt = rebuild(key, own, facts.now)
    if (rebuilt === undefined) return []
    const row = rows.get(key)
    const isRewritten = row !== undefined && writtenAt(row) >= facts.since
    if (!isRewritten && row !== undefined && isSettled(row, rebuilt)) return []
    return [
      {
        object: isRewritten ? continued(row, rebuilt) : rebuilt,
        runs: rebuilt.metadata.generation,
        ...(row === undefined ? {} : { row }),
        containers: own.map(({ name }) => name).sort(),
        isRewritten
      }
    ]
  })
}

/** What was newer is gone meanwhile. */
function isSettled({ metadata }: FunctionObject, rebuilt: FunctionObject): boolean {
  return metadata.uid === rebuilt.metadata.uid && metadata.generation >= rebuilt.metadata.generation
}

/**
 * The function that these containers of one uid were made for, as the newest of them says, its image pinned to the one
 * that runs; undefined when none says anything. Pure.
 */
export function rebuild(key: string, own: readonly OwnedObject[], now: number): FunctionObject | undefined {
  const [newest] = [...own].sort((a, b) => generationOf(b) - generationOf(a) || versionOf(b) - versionOf(a))
  if (newest?.record === undefined) return undefined
  const { labels, annotations, spec, generation, imageId } = newest.record
  const ordinals = own.map(({ record }) => record?.ordinal ?? 0)
  return {
    metadata: {
      ...parseKey(key),
      uid: newest.uid ?? '',
      generation,
      resourceVersion: 0,
      labels,
      annotations,
      createdAt: new Date(Math.min(...own.map(({ createdAt }) => createdAt))).toISOString(),
      updatedAt: new Date(now).toISOString()
    },
    spec: { ...spec, replicas: Math.max(...ordinals) + 1 },
    status: { ...INITIAL_STATUS, image: pinOf(newest.record, imageId) }
  }
}

/** The image that runs, whatever its tag names now: else its replicas would be replaced. */
function pinOf({ spec, labels }: ReplicaRecord, id: string) {
  return { reference: spec.image, templateHash: templateHash(spec, labels), id }
}

function generationOf({ record }: OwnedObject): number {
  return record?.generation ?? 0
}

function writtenAt({ metadata: { updatedAt, deletionRequestedAt } }: FunctionObject): number {
  return Math.max(Date.parse(updatedAt), Date.parse(deletionRequestedAt ?? updatedAt))
}

/** What the row says, as the next generation of what runs. */
function continued(row: FunctionObject, rebuilt: FunctionObject): FunctionObject {
  const { uid, generation, createdAt } = rebuilt.metadata
  const next = Math.max(generation, row.metadata.generation) + 1
  return { ...row, metadata: { ...row.metadata, uid, createdAt, generation: next }, status: INITIAL_STATUS }
}

/** What going back to the database would write: its row, as a generation that nothing carries yet; nothing without one. */
export function goBack({ object, row }: Proposal): FunctionObject | undefined {
  if (row === undefined || row.metadata.uid !== object.metadata.uid) return undefined
  const generation = Math.max(row.metadata.generation, object.metadata.generation) + 1
  return { ...row, metadata: { ...row.metadata, generation } }
}
