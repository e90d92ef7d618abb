import type { ContainerInspectInfo } from 'dockerode'

interface Point {
  /** As CIS Docker Benchmark 1.6 and docker-bench-security number it. */
  readonly id: string
  readonly what: string
  readonly holds: (container: ContainerInspectInfo) => boolean
}

const SENSITIVE = /^\/(?:boot|dev|etc|lib|proc|sys|usr)?(?:\/|$)/
const ADDED = (c: ContainerInspectInfo) => c.HostConfig.CapAdd ?? []
const SECURITY = (c: ContainerInspectInfo): string[] => c.HostConfig.SecurityOpt ?? []
const BINDINGS = (c: ContainerInspectInfo) => Object.values(c.NetworkSettings.Ports ?? {}).flatMap(list => list ?? [])

/**
 * What docker-bench-security looks at in a container, without what is about the host (5.2 SELinux, 5.6 sshd, 5.24, 5.30)
 * and without 5.15: it wants `on-failure:5`, by which a gateway would stay away after the host's restart.
 */
const POINTS: readonly Point[] = [
  { id: '4.1', what: 'has a user', holds: c => !['', '0', 'root'].includes(c.Config.User) },
  { id: '4.6', what: 'has a health check', holds: c => (c.Config.Healthcheck?.Test ?? []).length > 0 },
  { id: '5.1', what: 'has no AppArmor switched off', holds: c => !SECURITY(c).includes('apparmor=unconfined') },
  { id: '5.3', what: 'adds no capability', holds: c => ADDED(c).length === 0 },
  { id: '5.3', what: 'drops every capability', holds: c => c.HostConfig.CapDrop?.join() === 'ALL' },
  { id: '5.4', what: 'is not privileged', holds: c => c.HostConfig.Privileged === false },
  { id: '5.5', what: 'mounts no folder of the system', holds: c => !c.Mounts.some(m => SENSITIVE.test(m.Source)) },
  { id: '5.7', what: 'has no privileged port', holds: c => BINDINGS(c).every(b => Number(b.HostPort) >= 1024) },
  { id: '5.9', what: 'has a network of its own', holds: c => c.HostConfig.NetworkMode !== 'host' },
  { id: '5.10', what: 'has a limit of memory', holds: c => (c.HostConfig.Memory ?? 0) > 0 },
  { id: '5.11', what: 'has shares of the CPU', holds: c => (c.HostConfig.CpuShares ?? 0) > 0 },
  { id: '5.12', what: 'has a read-only root', holds: c => c.HostConfig.ReadonlyRootfs === true },
  { id: '5.13', what: 'binds ports to an address', holds: c => BINDINGS(c).every(b => b.HostIp === '127.0.0.1') },
  { id: '5.16', what: 'shares no processes', holds: c => c.HostConfig.PidMode === '' },
  { id: '5.17', what: 'shares no memory', holds: c => ['private', ''].includes(c.HostConfig.IpcMode ?? '') },
  { id: '5.18', what: 'has no devices', holds: c => (c.HostConfig.Devices ?? []).length === 0 },
  { id: '5.20', what: 'shares no mounts', holds: c => c.Mounts.every(m => m.Propagation !== 'shared') },
  { id: '5.21', what: 'has a host name of its own', holds: c => c.HostConfig.UTSMode === '' },
  { id: '5.22', what: 'has seccomp', holds: c => !SECURITY(c).includes('seccomp=unconfined') },
  { id: '5.26', what: 'gains no privileges', holds: c => SECURITY(c).some(o => o.startsWith('no-new-privileges')) },
  { id: '5.29', what: 'has a limit of processes', holds: c => (c.HostConfig.PidsLimit ?? 0) > 0 },
  { id: '5.30', what: 'is not on docker0', holds: c => !('bridge' in c.NetworkSettings.Networks) },
  { id: '5.31', what: 'has a user namespace of its own', holds: c => c.HostConfig.UsernsMode !== 'host' }
]

/** The points that do not hold of a container, in words; none is as it should be. */
export function problemsOf(container: ContainerInspectInfo): string[] {
  return POINTS.filter(({ holds }) => !holds(container)).map(({ id, what }) => `${id} ${what}`)
}
