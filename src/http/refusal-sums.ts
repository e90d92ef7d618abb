import type { AuditDraft } from '../../api/audit.ts'
import type { Clock } from '../clock.ts'

export interface RefusalSumsDeps {
  readonly write: (draft: AuditDraft) => Promise<void>
  readonly clock: Clock
  /** What is summed up so far is written when it aborts. */
  readonly shutdown: AbortSignal
}

const WINDOW_MS = 5 * 60_000
/** Sources of refusals without credentials that have rows of their own in a window; the rest shares one. */
const MAX_STRANGERS = 10
/** The same for refusals of those who have credentials. */
const MAX_KNOWN = 500

/**
 * Refusals, so that nobody can flood the audit log with them: the first of its kind is a row at once, and what else comes of it
 * within five minutes is one more row with its count.
 */
export class RefusalSums {
  readonly #deps: RefusalSumsDeps
  readonly #open = new Map<string, { draft: AuditDraft; more: number }>()
  #strangers = 0
  #endsAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(deps: RefusalSumsDeps) {
    this.#deps = deps
    deps.shutdown.addEventListener('abort', () => void this.flush(), { once: true })
  }

  /** Done when the row is written, if the refusal has one of its own. */
  async add(draft: AuditDraft): Promise<void> {
    const now = this.#deps.clock.monotonic()
    if (now >= this.#endsAt) await this.flush()
    if (this.#open.size === 0) this.#begin(now)
    const isStranger = draft.actorKind === 'anonymous' && draft.actor === ''
    const key = isStranger ? strangerKey(draft) : JSON.stringify({ ...draft, requestId: '' })
    const open = this.#open.get(key)
    if (open !== undefined) {
      open.more++
    } else if (isStranger ? this.#strangers < MAX_STRANGERS : this.#open.size < MAX_KNOWN) {
      if (isStranger) this.#strangers++
      this.#open.set(key, { draft, more: 0 })
      await this.#deps.write(draft)
    } else {
      this.#addToRest(draft)
    }
  }

  /** Writes what was summed up, and begins anew. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    const sums = [...this.#open.values()].filter(({ more }) => more > 0)
    this.#open.clear()
    this.#strangers = 0
    await Promise.all(sums.map(({ draft, more }) => this.#deps.write({ ...draft, count: more })))
  }

  #begin(now: number): void {
    this.#endsAt = now + WINDOW_MS
    this.#timer = setTimeout(() => void this.flush(), WINDOW_MS).unref()
  }

  #addToRest({ status, code }: AuditDraft): void {
    const key = 'rest'
    const draft: AuditDraft = {
      ...{ actorKind: 'anonymous', actor: '', address: '', userAgent: '', requestId: '', count: 1 },
      ...{ verb: 'many', kind: 'gateway', namespace: '', name: '', status },
      ...(code === undefined ? {} : { code }),
      outcome: 'refused',
      detail: 'refused, from more sources than have rows of their own'
    }
    const rest = this.#open.get(key) ?? { draft, more: 0 }
    this.#open.set(key, { ...rest, more: rest.more + 1 })
  }
}

/** Of a stranger no more is told apart than where it comes from and why it was refused: everything else is its to choose. */
function strangerKey({ address, status, code }: AuditDraft): string {
  return `${address} ${status} ${code}`
}
