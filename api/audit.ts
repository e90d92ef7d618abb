import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { canonicalJson } from './spec-hash.ts'

export const AUDIT_OUTCOMES = ['created', 'changed', 'unchanged', 'deleted', 'done', 'refused', 'failed'] as const
/** `done`: carried out, where none of the others says more. `refused`: by a rule, 4xx. `failed`: 5xx. */
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number]

/** What a change is about; empty names where there is none. */
export interface AuditObject {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What was done to it. */
export interface AuditSubject extends AuditObject {
  readonly outcome: AuditOutcome
  /** SHA-256 of what was written down before, in hex; never of a secret value. Absent: nothing, or nothing to compare. */
  readonly before?: string
  readonly after?: string
  /** For people; without secrets. */
  readonly detail?: string
}

/** One row, but for its place in the log. */
export interface AuditDraft extends AuditSubject {
  /** `admin`, `session`, `token`, `anonymous`, `cli` or `gateway`. */
  readonly actorKind: string
  /** The user, or the name of the token. */
  readonly actor: string
  /** Public part of the token; absent for a password. */
  readonly tokenId?: string
  /** IP address of the client. */
  readonly address: string
  readonly userAgent: string
  /** Method and route template, such as `POST /v1/functions/:name/scale`; or the command. */
  readonly verb: string
  /** HTTP status; 0 for a command. */
  readonly status: number
  /** Code of the error. */
  readonly code?: string
  readonly requestId: string
  /** How many of the same this row stands for. */
  readonly count: number
}

export interface AuditEntry extends AuditDraft {
  /** From 1, without a gap. */
  readonly id: number
  /** RFC 3339. */
  readonly at: string
  /** Hex HMAC-SHA256 over the row and the `mac` of the one before it. */
  readonly mac: string
}

/** A place in the chain, and the proof that a holder of the key wrote it down. */
export interface AuditMark {
  readonly id: number
  readonly mac: string
  readonly seal: string
}

/** Where a log begins that nothing was removed from. */
export const AUDIT_START: AuditMark = { id: 0, mac: '', seal: '' }

/** SHA-256 of canonical text, in hex. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'hex')
}

/** The MAC of a row that follows `previous`. */
export function macOf(key: Uint8Array, previous: string, entry: Omit<AuditEntry, 'mac'>): string {
  return createHmac('sha256', key).update(`row\n${previous}\n`).update(canonicalJson(entry)).digest('hex')
}

/** The mark of `name`, sealed. */
export function sealMark(key: Uint8Array, name: 'head' | 'anchor', { id, mac }: Omit<AuditMark, 'seal'>): AuditMark {
  const seal = createHmac('sha256', key).update(`${name}\n${id}\n${mac}`).digest('hex')
  return { id, mac, seal }
}

/** Whether a holder of the key sealed this mark; the start needs no seal. */
export function isSealed(key: Uint8Array, name: 'head' | 'anchor', mark: AuditMark): boolean {
  if (mark.id === 0) return mark.mac === ''
  return isSame(sealMark(key, name, mark).seal, mark.seal)
}

function isSame(right: string, given: string): boolean {
  const [a, b] = [Buffer.from(right), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Looks at rows in their order, and notes what is not as it was written. */
export class AuditCheck {
  readonly problems: string[] = []
  /** Rows that were looked at. */
  rows = 0
  readonly #key: Uint8Array
  readonly #first: AuditMark
  readonly #expected: readonly Pick<AuditMark, 'id' | 'mac'>[]
  readonly #met = new Set<number>()
  #last: Pick<AuditMark, 'id' | 'mac'>

  /** `anchor` is where the log begins now; `expected` are places that it must hold, the head among them. */
  constructor(key: Uint8Array, anchor: AuditMark, expected: readonly Pick<AuditMark, 'id' | 'mac'>[]) {
    this.#key = key
    this.#first = anchor
    this.#last = anchor
    this.#expected = expected
    if (!isSealed(key, 'anchor', anchor))
      this.problems.push(`the beginning of the log, after row ${anchor.id}, is forged`)
  }

  add({ mac, ...entry }: AuditEntry): void {
    this.rows++
    const next = this.#last.id + 1
    if (entry.id > next) this.problems.push(`${range(next, entry.id - 1)} missing`)
    else if (entry.id < next) this.problems.push(`row ${entry.id} was inserted`)
    // After a gap the row before is not known, and so nothing is known of this one but where it stands.
    if (entry.id === next && !isSame(macOf(this.#key, this.#last.mac, entry), mac)) {
      this.problems.push(`row ${entry.id} was changed, or one before it`)
    }
    for (const expected of this.#expected) this.#compare(expected, entry.id, mac)
    this.#last = { id: entry.id, mac }
  }

  /** Everything that is wrong; nothing when the log is whole. */
  end(): readonly string[] {
    for (const { id } of this.#expected) {
      if (id > this.#last.id) this.problems.push(`${range(this.#last.id + 1, id)} missing at the end`)
      else if (id > this.#first.id && !this.#met.has(id)) this.problems.push(`row ${id} is missing`)
    }
    return [...new Set(this.problems)]
  }

  #compare(expected: Pick<AuditMark, 'id' | 'mac'>, id: number, mac: string): void {
    if (expected.id !== id) return
    this.#met.add(id)
    if (!isSame(expected.mac, mac)) this.problems.push(`row ${id} is another than it was`)
  }
}

function range(from: number, to: number): string {
  return from === to ? `row ${from} is` : `rows ${from} to ${to} are`
}
