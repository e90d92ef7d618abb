import { expect } from 'chai'
import type Docker from 'dockerode'

/** Everything that may be said of a function's container to the engine, and what must be said. */
interface Wanted {
  readonly network: string
  /** Of the engine; where it cannot limit swap, that is the one limit that is not set. */
  readonly canLimitSwap: boolean
  readonly readOnly?: boolean
}

/** Throws unless the container has what every function's container has, and nothing beside: S1, S2, S4, S6 and S7. */
export function expectHardened(
  { HostConfig: host, Config: config, Mounts: mounts }: Docker.ContainerInspectInfo,
  wanted: Wanted
) {
  expect([host.CapDrop, host.CapAdd ?? []], 'S1: capabilities').to.deep.equal([['ALL'], []])
  expect(host.SecurityOpt, 'S2, S4: no new privileges, and the engine’s own filters').to.deep.equal([
    'no-new-privileges'
  ])
  expectLimits(host, wanted)
  expectNoHost(host, wanted.network)
  for (const { Type, RW, Destination } of mounts) {
    expect([Type, RW, Destination], 'S7: mounts').to.deep.equal(['volume', false, '/var/openfaas/secrets'])
  }
  expect(host.ReadonlyRootfs).to.equal(wanted.readOnly === true)
  expect(Object.keys(config.Volumes ?? {})).to.deep.equal([])
}

function expectLimits(host: Docker.HostConfig, { canLimitSwap }: Wanted): void {
  const { Memory = 0, MemorySwap = 0, NanoCpus = 0, PidsLimit = 0, Ulimits = [] } = host
  for (const [name, limit] of Object.entries({ Memory, NanoCpus, PidsLimit })) {
    expect(limit, `S6: ${name}`).to.be.above(0)
  }
  expect(MemorySwap, 'S6: MemorySwap').to.equal(canLimitSwap ? Memory : -1)
  expect(Ulimits, 'S6: open files').to.deep.equal([{ Name: 'nofile', Soft: 16_384, Hard: 16_384 }])
  expect(host.OomKillDisable ?? false).to.equal(false)
}

function expectNoHost(host: Docker.HostConfig, network: string): void {
  const { Privileged, NetworkMode, PidMode, IpcMode, UTSMode, UsernsMode } = host
  const namespaces = { Privileged, NetworkMode, PidMode, IpcMode, UTSMode, UsernsMode }
  expect(namespaces, 'S7: namespaces').to.deep.equal({
    ...{ Privileged: false, NetworkMode: network, PidMode: '', IpcMode: 'private', UTSMode: '', UsernsMode: '' }
  })
  const given = host as Record<string, unknown>
  const nothing = ['Binds', 'VolumesFrom', 'Devices', 'DeviceRequests', 'DeviceCgroupRules', 'GroupAdd', 'Links']
  for (const key of [...nothing, 'ExtraHosts', 'Sysctls', 'Dns', 'DnsOptions', 'DnsSearch', 'CgroupParent']) {
    expect(Object.values(given[key] ?? {}), `S7: ${key}`).to.deep.equal([])
  }
  expect(given['MaskedPaths'], 'S7: /proc').to.include('/proc/kcore')
  expect(given['ReadonlyPaths'], 'S7: /proc').to.include('/proc/sys')
  expect(given['CgroupnsMode'], 'S7: cgroups').to.not.equal('')
}
