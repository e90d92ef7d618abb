import { LABEL } from '../../api/labels.ts'
import { isLegacyObject } from '../../api/legacy.ts'
import type { StringMap } from '../../api/meta.ts'
import type { CheckedBody, ContainerBody } from '../engine/docker-bodies.ts'
import type { EngineCall, Subject } from '../engine/docker-endpoints.ts'

/** What has labels that say whose it is. */
export type Owned = Exclude<Subject, 'image'>

/** Labels of an object; undefined when there is none of that name. */
export type ReadLabels = (subject: Owned, name: string) => Promise<StringMap | undefined>

interface Deps {
  /** Only objects of this installation may be changed; of any one when absent. */
  readonly instance?: string | undefined
  readonly labelsOf: ReadLabels
}

/** Why a call may not touch what it is about, in words; undefined when it may: that is ours, or is not there. */
export async function strangerIn(
  call: EngineCall,
  body: CheckedBody | undefined,
  deps: Deps
): Promise<string | undefined> {
  if (body?.kind === 'container') return strangerInContainer(body.body, deps)
  if (body?.kind === 'network')
    return isLabelled(body.body.Labels, deps.instance) ? undefined : 'the new network has not our labels'
  const { endpoint, subject, name = '' } = call
  if (endpoint.ours !== true || subject === undefined || subject === 'image') return undefined
  if (await isOursOrAbsent(subject, name, deps)) return undefined
  // A replica of ours is taken off a network of others, and the gateway off one of ours.
  const isLeaving = body?.kind === 'attachment' && endpoint.path.endsWith('/disconnect')
  if (isLeaving && (await isOursOrAbsent('container', body.body.Container, deps))) return undefined
  return `${subject} ${name} is not ours`
}

async function strangerInContainer({ Labels, HostConfig, NetworkingConfig }: ContainerBody, deps: Deps) {
  if (!isLabelled(Labels, deps.instance)) return 'the new container has not our labels'
  const networks = Object.entries(NetworkingConfig.EndpointsConfig)
  // Several networks may have one name: the id says which one is meant.
  const names = [HostConfig.NetworkMode, ...networks.map(([name]) => name)].filter(
    name => !networks.some(([other, { NetworkID }]) => other === name && NetworkID !== undefined)
  )
  for (const network of [...names, ...networks.flatMap(([, { NetworkID }]) => NetworkID ?? [])]) {
    if (!(await isOursOrAbsent('network', network, deps))) return `network ${network} is not ours`
  }
  for (const { Source, VolumeOptions } of HostConfig.Mounts ?? []) {
    // The engine makes a volume that is not there, with these labels; one that is there keeps its own.
    const labels = (await deps.labelsOf('volume', Source)) ?? VolumeOptions.Labels
    if (!isLabelled(labels, deps.instance)) return `volume ${Source} is not ours`
  }
  return undefined
}

async function isOursOrAbsent(subject: Owned, name: string, deps: Deps): Promise<boolean> {
  const labels = await deps.labelsOf(subject, name)
  return labels === undefined || isOurs(labels, deps.instance)
}

/** Whether the labels are those of an object of the installation, or of the older program. */
export function isOurs(labels: StringMap, instance: string | undefined): boolean {
  return isLabelled(labels, instance) || isLegacyObject(labels)
}

/** The older program makes nothing any more. */
function isLabelled(labels: StringMap, instance: string | undefined): boolean {
  const label = labels[LABEL.instance]
  return label !== undefined && (instance === undefined || label === instance)
}

/** Labels as the engine tells of an object. */
export function labelsIn(subject: Owned, json: unknown): StringMap {
  const object = json as {
    readonly Labels?: StringMap | null
    readonly Config?: { readonly Labels?: StringMap | null }
  }
  return (subject === 'container' ? object.Config?.Labels : object.Labels) ?? {}
}

/** What is told of a container of others: nothing of what it was told, as that may hold secrets. */
export function withoutInside(container: object): object {
  const { Config = {}, Args: _, Path: __, ...rest } = container as Record<string, unknown>
  const { Env: _env, Cmd: _cmd, Entrypoint: _entrypoint, ...config } = Config as Record<string, unknown>
  return { ...rest, Config: config }
}
