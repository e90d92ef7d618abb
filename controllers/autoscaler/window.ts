/** What was seen of a function's calls between one look and the next. */
export interface Sample {
  /** When it ended; monotonic milliseconds. */
  readonly at: number
  /** How long it was. */
  readonly ms: number
  /** Calls that came. */
  readonly started: number
  /** Calls that were answered 200. */
  readonly succeeded: number
  /** Calls that ran or waited at its end. */
  readonly inflight: number
  /** Asynchronous calls that wait, or are being carried out. */
  readonly queued: number
  /** Thousandths of a core that all replicas used; absent when it is not known. */
  readonly cpu?: number
}

/** The part of the past that means are taken over. */
export interface Span {
  readonly ms: number
  readonly now: number
}

/** Means over less than this share of a span say nothing about it. */
const ENOUGH = 0.5

/** The samples of one function of the last so many milliseconds. What it holds none of was quiet. */
export class LoadWindow {
  readonly #lengthMs: number
  #samples: Sample[] = []

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs
  }

  add(sample: Sample): void {
    const since = sample.at - this.#lengthMs
    this.#samples = [...this.#samples.filter(({ at }) => at > since), sample]
  }

  /** Whether nothing was called in all of it. */
  get isQuiet(): boolean {
    return this.#samples.every(({ started, inflight }) => started === 0 && inflight === 0)
  }

  /** Calls a second over the span. */
  perSecond(what: 'started' | 'succeeded', span: Span): number {
    return sum(this.#parts(span).map(({ sample, share }) => sample[what] * share)) / (span.ms / 1000)
  }

  /** How many there were at a time, as a mean over the span. */
  mean(what: 'inflight' | 'queued', span: Span): number {
    return sum(this.#parts(span).map(({ sample, share }) => sample[what] * sample.ms * share)) / span.ms
  }

  /** Thousandths of a core, as a mean over what is known of the span; undefined when that is less than half. */
  cpu(span: Span): number | undefined {
    const known = this.#parts(span).flatMap(({ sample: { cpu, ms }, share }) =>
      cpu === undefined ? [] : [{ cpu, ms: ms * share }]
    )
    const ms = sum(known.map(part => part.ms))
    return ms < span.ms * ENOUGH ? undefined : sum(known.map(part => part.cpu * part.ms)) / ms
  }

  /** The samples that reach into the span, with the share of each that does. */
  #parts({ ms, now }: Span): { readonly sample: Sample; readonly share: number }[] {
    const since = now - ms
    return this.#samples
      .filter(({ at }) => at > since)
      .map(sample => ({ sample, share: Math.min(1, (sample.at - since) / sample.ms) }))
  }
}

/** The most of what was put in over the last while; holds what may still become the most, and nothing else. */
export class PeakWindow {
  readonly #entries: { readonly at: number; readonly value: number }[] = []

  /** `at` never goes back. */
  put(at: number, value: number): void {
    while ((this.#entries.at(-1)?.value ?? Number.POSITIVE_INFINITY) <= value) this.#entries.pop()
    this.#entries.push({ at, value })
  }

  /** The most of the last `ms` milliseconds, and when it will be out of them; undefined when there is nothing. */
  most({ ms, now }: Span): { readonly value: number; readonly until: number } | undefined {
    while ((this.#entries[0]?.at ?? Number.POSITIVE_INFINITY) <= now - ms) this.#entries.shift()
    const [first] = this.#entries
    return first && { value: first.value, until: first.at + ms }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
