import { NotFoundError, NothingToDecideError } from '../../api/errors.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { AdoptionStore, DecidedFunction, EventStore, FunctionStore, Latch } from '../../src/store/store.ts'
import type { Orphan, Verdict } from '../gc/plan.ts'
import { listOwned, type OwnedDeps, type OwnedObject } from '../owned.ts'
import type { Adoption } from './adoption.ts'
import { goBack, type Proposal, proposeAdoption } from './plan.ts'

export interface DecisionsDeps extends OwnedDeps {
  readonly doubts: Pick<Adoption, 'facts' | 'decided'>
  readonly functions: Pick<FunctionStore, 'list'>
  readonly adoption: Pick<AdoptionStore, 'decide'>
  readonly events: Pick<EventStore, 'record'>
  /** What has no owner in the database, and what would become of it. */
  readonly orphans: (signal: AbortSignal) => Promise<readonly Orphan[]>
  /** Has the loop look at the function, and at the garbage. */
  readonly enqueue: (key: string) => void
  readonly collect: () => void
  readonly now: () => number
  readonly log: Logger
}

export interface Choice {
  readonly action: 'adopt' | 'delete'
  /** Keys; all that waits, when left out. */
  readonly functions?: readonly string[]
}

interface Question {
  readonly latch: Latch | undefined
  readonly proposals: readonly Proposal[]
  /** Without an owner, and held back until a person decides. */
  readonly held: readonly Orphan[]
  readonly owned: readonly OwnedObject[]
}

const HELD: ReadonlySet<Verdict> = new Set(['newer-than-database', 'older-than-database', 'database-empty'])
/** The engine and the database are read for it. */
const TIMEOUT_MS = 20_000

/** What a person is asked when the database is older than what runs, and what becomes of the answer. */
export class Decisions {
  readonly #deps: DecisionsDeps
  constructor(deps: DecisionsDeps) {
    this.#deps = deps
  }

  /** What adopting would write, and what would then be collected as garbage. Changes nothing. */
  async list() {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const { latch, proposals, held, owned } = await this.#ask(signal)
    return {
      active: latch !== undefined,
      ...(latch === undefined ? {} : { since: new Date(latch.since).toISOString() }),
      adopt: proposals.filter(({ isRewritten }) => !isRewritten).map(toItem),
      conflicts: proposals.filter(({ isRewritten }) => isRewritten).map(toItem),
      delete: held.map(toRemoval),
      forged: owned.filter(({ forged }) => forged === true).length
    }
  }

  /**
   * Carries out a person's choice, and lets the loop go on. Throws `NothingToDecideError`, or `NotFoundError` for a
   * function that does not wait.
   */
  async confirm(choice: Choice) {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const all = await this.#ask(signal)
    const { latch } = all
    const chosen = choose(all, choice)
    if (latch === undefined && chosen.proposals.length + chosen.held.length === 0) throw new NothingToDecideError()
    const decided = chosen.proposals.map(({ object }) => keyOf(object.metadata))
    const left = all.proposals.length + all.held.length - chosen.proposals.length - chosen.held.length
    const isAdopted = choice.action === 'adopt'
    const next = await this.#deps.adoption.decide({
      functions: chosen.proposals.flatMap(proposal => decidedOf(proposal, isAdopted)),
      decided,
      discarded: discardedUids(chosen, isAdopted),
      isFinal: left === 0
    })
    await this.#deps.doubts.decided(next)
    this.#deps.log.info({ action: choice.action, functions: decided, isOver: next === undefined }, 'Decided what runs')
    await this.#tell(chosen.proposals, isAdopted)
    return {
      active: next !== undefined,
      adopted: isAdopted ? decided : [],
      deleted: [...(isAdopted ? [] : decided), ...chosen.held.map(({ object }) => `${object.kind} ${object.name}`)]
    }
  }

  async #tell(proposals: readonly Proposal[], isAdopted: boolean): Promise<void> {
    for (const { object } of proposals) this.#deps.enqueue(keyOf(object.metadata))
    this.#deps.collect()
    if (!isAdopted) return
    for (const { object } of proposals) {
      const { namespace, name, uid } = object.metadata
      await this.#deps.events.record({ ...{ namespace, name, uid }, type: 'Normal', ...adopted(object) })
    }
  }

  async #ask(signal: AbortSignal): Promise<Question> {
    const { latch, discarded } = await this.#deps.doubts.facts(signal)
    const held = (await this.#deps.orphans(signal)).filter(
      ({ object, verdict }) => HELD.has(verdict) && !discarded.has(object.uid ?? '')
    )
    const owned = await listOwned(this.#deps, signal)
    const facts = {
      owned,
      functions: await this.#deps.functions.list(),
      since: latch?.since ?? 0,
      now: this.#deps.now()
    }
    return { latch, proposals: proposeAdoption(latch?.undecided ?? [], facts), held, owned }
  }
}

function decidedOf(proposal: Proposal, isAdopted: boolean): DecidedFunction[] {
  const object = isAdopted ? proposal.object : goBack(proposal)
  if (object === undefined) return []
  return [{ object, ...(proposal.row === undefined ? {} : { readAt: proposal.row.metadata.resourceVersion }) }]
}

function choose(all: Question, { functions }: Choice): Question {
  if (functions === undefined) return all
  const proposals = all.proposals.filter(({ object }) => functions.includes(keyOf(object.metadata)))
  const held = all.held.filter(({ object }) => functions.includes(object.owner ?? ''))
  const found = new Set([
    ...proposals.map(({ object }) => keyOf(object.metadata)),
    ...held.map(({ object }) => object.owner)
  ])
  for (const key of functions) if (!found.has(key)) throw new NotFoundError('function that waits for a decision,', key)
  return { ...all, proposals, held }
}

/** Of what is given up: also of what hangs on a function that is, such as its network. */
function discardedUids({ proposals, held, owned }: Question, isAdopted: boolean): string[] {
  const uids = held.map(({ object }) => object.uid ?? '')
  if (!isAdopted) {
    for (const proposal of proposals) {
      const { object, row } = proposal
      // A function that goes on under its uid is as good as any other.
      if (goBack(proposal) === undefined) uids.push(object.metadata.uid)
      const key = keyOf(object.metadata)
      if (row === undefined) uids.push(...owned.filter(({ owner }) => owner === key).map(({ uid }) => uid ?? ''))
    }
  }
  return [...new Set(uids)].filter(uid => uid !== '')
}

function adopted({ metadata: { generation }, spec }: FunctionObject) {
  const message = `generation ${generation} was made again of what runs: ${spec.replicas} of ${spec.image}`
  return { reason: 'Adopted', message } as const
}

function toItem({ object, runs, row, containers, isRewritten }: Proposal) {
  const { metadata, spec } = object
  return {
    function: keyOf(metadata),
    uid: metadata.uid,
    generation: metadata.generation,
    replicas: spec.replicas,
    image: spec.image,
    runs,
    ...(row === undefined ? {} : { database: row.metadata.generation }),
    containers,
    ...(isRewritten ? { reason: 'written anew since: that spec is kept, and replaces what runs step by step' } : {})
  }
}

const WHY: Readonly<Partial<Record<Verdict, string>>> = {
  'newer-than-database': 'the database does not know it, and its labels do not say enough to adopt it',
  'older-than-database': 'it is older than the database, which does not know it',
  'database-empty': 'the database holds no function'
}

function toRemoval({ object, verdict }: Orphan) {
  const { kind, name, owner = '' } = object
  return { kind, name, owner, verdict, reason: WHY[verdict] ?? '' }
}
