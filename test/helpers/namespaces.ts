import type { Store } from '../../src/store/open.ts'

/** Makes namespaces, with these annotations, for tests that write into others than the default one. */
export async function createNamespaces(
  { namespaces }: Pick<Store, 'namespaces'>,
  names: readonly string[],
  annotations: Readonly<Record<string, string>> = {}
): Promise<void> {
  for (const name of names) await namespaces.put(name, () => ({ labels: {}, annotations }))
}
