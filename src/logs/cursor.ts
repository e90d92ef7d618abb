/** So many lines behind the newest one are told apart; more of them mean that the clock was set back. */
const MAX_BEHIND = 1000

/**
 * How far the log of a container was read, so that whoever reads on from there gets no line twice. The engine can be asked for
 * lines from a time on only: those that have this very time, and those behind it that are older as the two streams are
 * written side by side, may come again.
 */
export class LogCursor {
  /** The newest time, and the times of the lines that came since, in their order. */
  #seen: string[] = []

  /** From when on to read; undefined: nothing was read yet. */
  get since(): string | undefined {
    return this.#seen[0]
  }

  /** Notes a line that was read. */
  note(timestamp: string): void {
    const newest = this.#seen[0]
    if (newest === undefined || timestamp > newest || this.#seen.length > MAX_BEHIND) this.#seen = [timestamp]
    else this.#seen.push(timestamp)
  }

  /** Says of each line of a log that is read again from `since` on whether it is new. Ask in the order of the log. */
  again(): (timestamp: string) => boolean {
    const seen = [...this.#seen]
    const [newest = ''] = seen
    let next = 0
    return timestamp => {
      // An engine may leave out those that are older than what it was asked for.
      let at = next
      while (at < seen.length && seen[at] !== timestamp && (seen[at] ?? '') < newest) at++
      if (at >= seen.length || seen[at] !== timestamp) return true
      next = at + 1
      return false
    }
  }
}
