/** The same as `mapPool`, one kind after the other, in the order in which the kinds come first. */
export async function mapKinds<T extends { readonly kind: string }, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>
): Promise<R[]> {
  const results: R[] = []
  for (const kind of new Set(items.map(item => item.kind))) {
    const ofKind = items.filter(item => item.kind === kind)
    results.push(...(await mapPool(ofKind, limit, work)))
  }
  return results
}

/** What `work` makes of each item, in their order; at most `limit` are worked at, side by side. `work` must not reject. */
export async function mapPool<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length)
  let next = 0
  const run = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run))
  return results
}
