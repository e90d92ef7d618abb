import type { Condition } from '../../../api/condition.ts'
import type { FunctionObject } from '../../../api/function.ts'
import { qualifiedName } from '../../../api/names.ts'
import { formatAge } from '../client/age.ts'
import type { View } from '../client/output.ts'
import type { Style } from '../client/terminal.ts'

/** A function in a table. */
export function functionView(options: { readonly allNamespaces: boolean; readonly now: number }): View<FunctionObject> {
  const { allNamespaces, now } = options
  return {
    columns: [
      ...(allNamespaces
        ? [{ header: 'NAMESPACE', value: ({ metadata }: FunctionObject) => metadata.namespace, whole: true }]
        : []),
      { header: 'NAME', value: ({ metadata }) => metadata.name, whole: true },
      { header: 'READY', value: ({ spec, status }) => `${status.readyReplicas}/${spec.replicas}` },
      { header: 'STATUS', value: statusWord, style: statusStyle },
      { header: 'IMAGE', value: ({ spec }) => spec.image },
      { header: 'AGE', value: ({ metadata }) => formatAge(metadata.createdAt, now) },
      { header: 'GENERATION', value: ({ metadata }) => metadata.generation, wide: true },
      { header: 'OUTDATED', value: ({ status }) => status.outdatedReplicas, wide: true },
      { header: 'FROZEN', value: ({ status }) => status.frozenReplicas, wide: true },
      {
        header: 'DIGEST',
        value: ({ status }) => (status.image?.digest ?? status.image?.id)?.slice(-64, -52),
        wide: true
      }
    ],
    name: ({ metadata }) => `function/${qualifiedName(metadata)}`,
    none: allNamespaces ? 'there are no functions' : 'there are no functions in this namespace (-A: in all)'
  }
}

/** The one word that says how it is: what is wrong before what is under way, and that before what is well. */
export function statusWord({ metadata, status }: FunctionObject): string {
  if (metadata.deletionRequestedAt !== undefined) return 'Deleting'
  const find = (type: string): Condition | undefined => status.conditions.find(condition => condition.type === type)
  const [degraded, progressing, ready] = [find('Degraded'), find('Progressing'), find('Ready')]
  if (degraded?.status === 'True') return degraded.reason
  if (status.observedGeneration < metadata.generation) return 'Reconciling'
  if (progressing?.status === 'True') return progressing.reason
  return ready?.reason ?? 'Reconciling'
}

function statusStyle({ status }: FunctionObject): Style | undefined {
  const is = (type: string) => status.conditions.find(condition => condition.type === type)?.status === 'True'
  return is('Degraded') ? 'red' : is('Ready') && !is('Progressing') ? 'green' : 'yellow'
}
