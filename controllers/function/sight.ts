import type { ObjectMeta } from '../../api/meta.ts'
import type { ContainerSummary } from '../../src/engine/engine.ts'
import type { Observed } from './observed.ts'

/** What of an object says that something else is wanted. */
export type Wish = Pick<ObjectMeta, 'uid' | 'generation' | 'deletionRequestedAt'> & {
  /** Of `secretsText`. */
  readonly secrets: string
  /** Of `profilesText`. */
  readonly profiles: string
  /** Since when it is to be frozen; absent when it is not. */
  readonly frozenSince?: string | undefined
}

/** What a list of the engine's objects shows of one function. */
export interface Listed {
  /** The network of its name. */
  readonly network?:
    | {
        readonly id: string
        readonly hasGateway: boolean
        /** The route of the host that is in its way. */
        readonly conflict?: string | undefined
      }
    | undefined
  readonly containers: readonly Pick<ContainerSummary, 'id' | 'name' | 'state' | 'networks'>[]
}

/**
 * What is wanted and what a list shows, as text: while it stays the same, nothing has changed that a list can show.
 * Labels, images and subnets are not in it, as the engine never changes those of an id.
 */
export function sightOf(
  { uid, generation, deletionRequestedAt, secrets, profiles, frozenSince }: Wish,
  { network, containers }: Listed
): string {
  const lines = containers.map(({ id, name, state, networks }) => {
    const attached = Object.entries(networks).map(([at, { networkId, ipAddress }]) => `${at}=${networkId}=${ipAddress}`)
    return `${id} ${name} ${state} ${attached.sort().join(' ')}`
  })
  const wish = `${uid} ${generation} ${deletionRequestedAt ?? ''} ${secrets} ${profiles} ${frozenSince ?? ''}`
  return [
    wish,
    network === undefined ? '' : `${network.id} ${network.hasGateway} ${network.conflict ?? ''}`,
    ...lines.sort()
  ].join('\n')
}

/** The same text out of what a pass found, one container after the other. */
export function sightOfPass(
  wish: Wish,
  { replicas, network, forged = [] }: Observed,
  gatewayId: string | undefined
): string {
  const hasGateway = gatewayId !== undefined && network?.members.includes(gatewayId) === true
  const containers = [...replicas.map(({ container }) => container), ...forged]
  return sightOf(wish, {
    network: network && { id: network.id, hasGateway, conflict: network.conflict?.route },
    containers
  })
}
