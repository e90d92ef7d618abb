import { statusOf } from '../../api/namespace-object.ts'
import { NO_USAGE } from '../../api/quota.ts'
import type { NamespaceSample } from '../metrics/namespaces.ts'
import type { Store } from '../store/open.ts'

/** Every namespace, with its quota and what is used of it. */
export async function sampleNamespaces({ namespaces }: Pick<Store, 'namespaces'>): Promise<NamespaceSample[]> {
  const [objects, usage] = await Promise.all([namespaces.list(), namespaces.usage()])
  return objects.map(object => ({ name: object.name, ...statusOf(object, usage.get(object.name) ?? NO_USAGE) }))
}
