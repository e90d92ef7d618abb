interface Timed {
  readonly timestamp: string
}

/**
 * What all sources give, ordered by time as far as each of them is: one item of each is looked at ahead, and no more is held.
 * Throws what the first source throws.
 */
export async function* mergeByTime<T extends Timed>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = sources.map(source => source[Symbol.asyncIterator]())
  try {
    const heads = await Promise.all(iterators.map(iterator => iterator.next()))
    while (true) {
      const first = earliest(heads)
      if (first < 0) return
      yield heads[first]?.value as T
      const next = await iterators[first]?.next()
      if (next !== undefined) heads[first] = next
    }
  } finally {
    await Promise.all(iterators.map(iterator => iterator.return?.()))
  }
}

/** Of several with the same time the one of the first source; -1: there is none. */
function earliest(heads: readonly IteratorResult<Timed, unknown>[]): number {
  let found = -1
  let time = ''
  for (const [at, head] of heads.entries()) {
    if (head.done === true) continue
    if (found >= 0 && head.value.timestamp >= time) continue
    found = at
    time = head.value.timestamp
  }
  return found
}

/** The last `count` of what comes, once all of it has come; so many are held at most. */
export async function* lastOf<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  const last: T[] = []
  for await (const item of source) if (last.push(item) > count) last.shift()
  yield* last
}
