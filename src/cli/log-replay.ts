import type { LogMessage } from '../../api/log-line.ts'

/** Lines of several replicas may come so much out of their order. */
const OVERLAP_MS = 5000

/**
 * What was told lately, so that each line is told once though a stream that broke off is opened again from a little before
 * the last one.
 */
export class LogReplay {
  /** How often each line was told, the oldest first; older ones than what is asked for again are forgotten. */
  readonly #told = new Map<string, { readonly ms: number; count: number }>()
  /** Of each replica, the first line that was told: `--tail` left out what is older. */
  readonly #first = new Map<string, string>()
  #newest = Number.NEGATIVE_INFINITY
  /** How often each is to be told again. */
  #again = new Map<string, number>()

  /** Whether the line was not told before. */
  take(line: LogMessage): boolean {
    const key = JSON.stringify([line.instance, line.timestamp, line.text])
    const again = this.#again.get(key) ?? 0
    if (again > 0) {
      this.#again.set(key, again - 1)
      return false
    }
    const time = toSortable(line.timestamp)
    const first = this.#first.get(line.instance)
    if (first === undefined) this.#first.set(line.instance, time)
    else if (time < first) return false
    this.#remember(key, Date.parse(line.timestamp))
    return true
  }

  /** Where to go on from after the stream broke off, RFC 3339; undefined when no line was told. */
  resume(): string | undefined {
    this.#again = new Map([...this.#told].map(([key, { count }]) => [key, count]))
    return Number.isFinite(this.#newest) ? new Date(this.#newest - OVERLAP_MS).toISOString() : undefined
  }

  #remember(key: string, ms: number): void {
    const told = this.#told.get(key)
    if (told === undefined) this.#told.set(key, { ms, count: 1 })
    else told.count++
    if (!(ms > this.#newest)) return
    this.#newest = ms
    for (const [old, { ms: at }] of this.#told) {
      if (at >= ms - OVERLAP_MS) break
      this.#told.delete(old)
    }
  }
}

/** A time of Go, which leaves zeros out at its end, so that text sorts as time. */
function toSortable(timestamp: string): string {
  return timestamp.replace(
    /(?:\.(\d{1,9}))?Z$/,
    (_, fraction: string | undefined) => `.${(fraction ?? '').padEnd(9, '0')}Z`
  )
}
