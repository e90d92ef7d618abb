import type { Engine } from './engine.ts'

interface Deps {
  readonly engine: Pick<Engine, 'inspectContainer'>
  /** `GATEWAY_CONTAINER_NAME`, when the operator set it. */
  readonly configuredName?: string | undefined
  readonly readFile: (path: string) => Promise<string>
  /** Of this machine or container. */
  readonly hostname: string
}

/**
 * Id of the container that this process runs in, as the engine knows it; undefined on a host, and in a container of
 * another engine. Only files are clues; the engine has the last word.
 */
export async function findOwnContainer(deps: Deps): Promise<string | undefined> {
  const { engine, configuredName, hostname } = deps
  if (configuredName !== undefined && configuredName !== '') {
    const configured = await engine.inspectContainer(configuredName)
    if (configured !== undefined) return configured.id
  }
  const [mounts, cgroups] = await Promise.all([
    readOrEmpty(deps, '/proc/self/mountinfo'),
    readOrEmpty(deps, '/proc/self/cgroup')
  ])
  for (const id of new Set([...idsOfMounts(mounts), ...idsOfCgroups(cgroups)])) {
    const container = await engine.inspectContainer(id)
    if (container !== undefined) return container.id
  }
  // NOTE a container that is named like the host is not ours: the default hostname is the first 12 digits of the id
  if (!/^[0-9a-f]{12}$/.test(hostname) || (await readOrUndefined(deps, '/.dockerenv')) === undefined) return undefined
  const container = await engine.inspectContainer(hostname)
  return container?.id.startsWith(hostname) === true && container.state === 'running' ? container.id : undefined
}

/**
 * Ids out of the files that Docker mounts into each container from its own folder. Only these: on a host, mounts of
 * every running container (`…/containers/<id>/mounts/shm`) are listed as well.
 * Source: proc_pid_mountinfo(5), fields 4 (root) and 5 (mount point).
 */
function idsOfMounts(mountinfo: string): string[] {
  const own =
    /^\S+ \S+ \S+ \S*\/containers\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf) \/etc\/(?:hostname|hosts|resolv\.conf) /gm
  return [...mountinfo.matchAll(own)].flatMap(match => match[1] ?? [])
}

/** Ids in cgroup paths (`/docker/<id>`, `/system.slice/docker-<id>.scope`), the innermost first. */
function idsOfCgroups(cgroups: string): string[] {
  return cgroups
    .split('\n')
    .flatMap(line =>
      [...line.matchAll(/(?<=[/-])([0-9a-f]{64})(?=\.scope|\/|$)/g)].flatMap(match => match[1] ?? []).reverse()
    )
}

async function readOrEmpty(deps: Deps, path: string): Promise<string> {
  return (await readOrUndefined(deps, path)) ?? ''
}

async function readOrUndefined({ readFile }: Deps, path: string): Promise<string | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined // not Linux, or not to be read: no clue
  }
}
