import { LABEL, type Role } from '../../api/labels.ts'
import { type Heir, inherits, type LegacyReplica, legacyFilter, legacyReplicaOf } from '../../api/legacy.ts'
import { parseKey, type StringMap } from '../../api/meta.ts'
import { containerBond, type Signer } from '../../api/signature.ts'
import type { ContainerSummary, Engine } from '../../src/engine/engine.ts'

export interface ListDeps {
  readonly engine: Pick<Engine, 'listContainers'>
  /** What carries our labels without being of our making is a stranger's. */
  readonly signer: Pick<Signer, 'isGenuine'>
  readonly instance: string
}

/** The containers that the engine lists for one function. */
export interface Listed {
  /** Of our making, and of the older program where the function is its heir. */
  readonly replicas: readonly ContainerSummary[]
  /** They only write secrets. */
  readonly loaders: readonly ContainerSummary[]
  /** They carry our labels, and are not of our making. */
  readonly forged: readonly ContainerSummary[]
}

/** Which containers the function `key` has, of any revision and in any state. */
export async function listReplicas(
  deps: ListDeps,
  key: string,
  { heir, signal }: { heir?: Heir | undefined; signal: AbortSignal }
): Promise<Listed> {
  const [own, inherited] = await Promise.all([
    deps.engine.listContainers(functionLabels(deps.instance, key), signal),
    heir === undefined ? [] : listInherited(deps, heir, signal)
  ])
  const genuine = own.filter(summary => deps.signer.isGenuine(summary.labels, containerBond(summary)))
  return {
    replicas: [...genuine.filter(summary => !isLoader(summary)), ...inherited],
    loaders: genuine.filter(isLoader),
    forged: own.filter(summary => !genuine.includes(summary))
  }
}

/** The labels that everything of a function has in Docker. */
export function functionLabels(instance: string, key: string): StringMap {
  const { namespace, name } = parseKey(key)
  return { [LABEL.instance]: instance, [LABEL.namespace]: namespace, [LABEL.function]: name }
}

function isLoader({ labels }: ContainerSummary): boolean {
  return labels[LABEL.role] === ('loader' satisfies Role)
}

/** What a container of the older program is to its heir; undefined when it is none of its. */
export function legacyOf(container: ContainerSummary, heir: Heir | undefined): LegacyReplica | undefined {
  const replica = heir && legacyReplicaOf(container)
  return heir !== undefined && replica !== undefined && inherits(heir, replica) ? replica : undefined
}

async function listInherited({ engine }: ListDeps, heir: Heir, signal: AbortSignal): Promise<ContainerSummary[]> {
  const list = await engine.listContainers(legacyFilter(heir.functionName), signal)
  return list.filter(summary => legacyOf(summary, heir) !== undefined)
}
