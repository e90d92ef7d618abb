import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import { type Heir, inherits, legacyFilter, legacyReplicaOf } from '../../api/legacy.ts'
import { keyOf } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import { type KnownProfiles, resolveProfile } from '../../api/profile.ts'
import type { ContainerSummary, Engine } from '../../src/engine/engine.ts'
import type { HostRoute } from '../../src/engine/host-routes.ts'
import { pickNetwork } from '../../src/engine/pick-network.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import { conflictOf } from './conflict.ts'
import { profilesText } from './profiles.ts'
import { pickSecrets, secretsText } from './secrets.ts'
import { sightOf } from './sight.ts'

export interface SurveyDeps {
  readonly engine: Pick<Engine, 'listContainers' | 'listNetworks' | 'inspectContainer'>
  readonly secrets: Pick<SecretStore, 'list'>
  readonly profiles: KnownProfiles
  readonly instance: string
  readonly functionsNetwork: string
  /** Id of the container that the gateway runs in, if it does. */
  readonly gatewayId: () => string | undefined
  /** What a function may take over of the older program; absent when there is nothing of it. */
  readonly heirOf?: (object: FunctionObject) => Heir | undefined
  /** Routes of the host; absent where they cannot be known. */
  readonly routes?: () => Promise<readonly HostRoute[]>
}

/** The sight of each function, by key, out of one look at all that the engine lists, however many functions there are. */
export async function survey(
  deps: SurveyDeps,
  objects: readonly FunctionObject[],
  signal: AbortSignal
): Promise<Map<string, string>> {
  const { engine, instance, functionsNetwork, gatewayId, heirOf } = deps
  const heirs = objects.map(object => heirOf?.(object))
  const self = gatewayId()
  const [own, inherited, networks, gateway, routes, secrets] = await Promise.all([
    engine.listContainers({ [LABEL.instance]: instance }, signal),
    heirs.some(heir => heir !== undefined) ? engine.listContainers(legacyFilter(), signal) : [],
    engine.listNetworks(signal),
    self === undefined ? undefined : engine.inspectContainer(self, signal),
    deps.routes?.() ?? [],
    objects.some(({ spec }) => spec.secrets.length > 0) ? deps.secrets.list() : []
  ])
  const secretsOf = Map.groupBy(secrets, ({ namespace }) => namespace)
  const containersOf = Map.groupBy(own, ({ labels }) => `${labels[LABEL.namespace]}/${labels[LABEL.function]}`)
  const networksOf = Map.groupBy(networks, ({ name }) => name)
  const attached = new Set(Object.values(gateway?.networks ?? {}).map(({ networkId }) => networkId))
  const sights = objects.map(({ metadata, spec, scale }, at) => {
    const key = keyOf(metadata)
    const name = networkName(functionsNetwork, metadata)
    const network = pickNetwork(networksOf.get(name) ?? [], name)
    const facts = pickSecrets(secretsOf.get(metadata.namespace) ?? [], spec.secrets)
    const sight = sightOf(
      {
        ...metadata,
        secrets: secretsText(metadata.uid, facts),
        profiles: profilesText(resolveProfile(metadata.annotations, deps.profiles)),
        frozenSince: scale?.frozenSince
      },
      {
        network: network && {
          id: network.id,
          hasGateway: attached.has(network.id),
          conflict: conflictOf(network, { routes, isInside: self !== undefined })?.route
        },
        containers: [...(containersOf.get(key) ?? []), ...inheritedBy(heirs[at], inherited)]
      }
    )
    return [key, sight] as const
  })
  return new Map(sights)
}

function inheritedBy(heir: Heir | undefined, containers: readonly ContainerSummary[]): ContainerSummary[] {
  if (heir === undefined) return []
  return containers.filter(container => {
    const replica = legacyReplicaOf(container)
    return replica !== undefined && inherits(heir, replica)
  })
}
