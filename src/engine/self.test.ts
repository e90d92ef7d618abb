import { expect } from 'chai'
import type { Container } from './engine.ts'
import { EngineError } from './faults.ts'
import { findOwnContainer } from './self.ts'

const SELF = '3f2a9c51d0be47e6a8c1f90b7d24e35568a1c02f9d7e4b3a6c5d8e7f10293847'
const OTHER = 'b1946ac92492d2347c6235b4d2611184f3a1c02f9d7e4b3a6c5d8e7f10293847'

const MOUNTS_DOCKER = `612 528 0:51 / / rw,relatime master:251 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB:/var/lib/docker/overlay2/l/CD
613 612 0:54 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
618 612 254:1 /var/lib/docker/containers/${SELF}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw,discard
619 612 254:1 /var/lib/docker/containers/${SELF}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw,discard
620 612 254:1 /var/lib/docker/containers/${SELF}/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw,discard
`
const MOUNTS_OTHER_ROOT = MOUNTS_DOCKER.replaceAll('/var/lib/docker', '/tmp/dk/data')
const MOUNTS_HOST = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
498 27 0:52 / /var/lib/docker/overlay2/0d2f/merged rw,relatime shared:264 - overlay overlay rw
512 27 0:54 / /var/lib/docker/containers/${OTHER}/mounts/shm rw,nosuid,nodev,noexec,relatime shared:271 - tmpfs shm rw,size=65536k
513 27 254:0 /var/lib/docker/containers/${OTHER}/hostname /srv/backup/hostname rw,relatime - ext4 /dev/vda rw
`
const MOUNTS_PODMAN = `700 612 0:26 /containers/storage/overlay-containers/${SELF}/userdata/hostname /etc/hostname rw,nosuid,nodev - tmpfs tmpfs rw
`
const CGROUP_V1 = `12:memory:/docker/${SELF}
11:pids:/docker/${SELF}
1:name=systemd:/docker/${SELF}
0::/system.slice/containerd.service
`
const CGROUP_SYSTEMD = `0::/system.slice/docker-${SELF}.scope\n`
const CGROUP_NESTED = `4:memory:/docker/${OTHER}/docker/${SELF}\n`
const CGROUP_PODMAN = `0::/machine.slice/libpod-${SELF}.scope/container\n`
const CGROUP_V2 = '0::/\n'
const CGROUP_HOST =
  '9:name=systemd:/\n4:memory:/process_api/4202a5a19e37dc1b0ed50768630206e9\n0::/user.slice/user-1000.slice/session-3.scope\n'

const CONTAINER: Omit<Container, 'id' | 'name'> = {
  state: 'running',
  imageId: 'sha256:0',
  labels: {},
  createdAt: 0,
  exitCode: 0,
  oomKilled: false,
  error: '',
  stopSignal: 'SIGTERM',
  networks: {},
  ports: [],
  memoryBytes: 0,
  nanoCpus: 0
}

/** An engine that knows SELF as `gateway` and OTHER as `vm`. */
async function inspectContainer(nameOrId: string): Promise<Container | undefined> {
  const known = [
    { ...CONTAINER, id: SELF, name: 'gateway' },
    { ...CONTAINER, id: OTHER, name: 'vm' }
  ]
  return known.find(c => c.name === nameOrId || (nameOrId.length >= 12 && c.id.startsWith(nameOrId)))
}

const reader = (files: Record<string, string>) => async (path: string) => {
  const content = files[path]
  if (content === undefined) throw Object.assign(new Error(`ENOENT ${path}`), { code: 'ENOENT' })
  return content
}

describe('findOwnContainer', () => {
  const mountinfo = '/proc/self/mountinfo'
  const cgroup = '/proc/self/cgroup'
  const cases: [string, Record<string, string>, string, string | undefined][] = [
    ['Docker with cgroup v2', { [mountinfo]: MOUNTS_DOCKER, [cgroup]: CGROUP_V2, '/.dockerenv': '' }, 'web', SELF],
    ['Docker with another data root', { [mountinfo]: MOUNTS_OTHER_ROOT, [cgroup]: CGROUP_V2 }, 'web', SELF],
    ['cgroup v1 without mounts to see', { [cgroup]: CGROUP_V1 }, 'web', SELF],
    ['cgroup of systemd', { [mountinfo]: '', [cgroup]: CGROUP_SYSTEMD }, 'web', SELF],
    ['a container in a container', { [cgroup]: CGROUP_NESTED }, 'web', SELF],
    ['podman with its own store', { [mountinfo]: MOUNTS_PODMAN, [cgroup]: CGROUP_V2 }, 'web', undefined],
    ['podman whose ids the engine knows', { [mountinfo]: MOUNTS_PODMAN, [cgroup]: CGROUP_PODMAN }, 'web', SELF],
    [
      'an id that the engine does not know',
      { [mountinfo]: MOUNTS_DOCKER.replaceAll(SELF, 'c'.repeat(64)) },
      'web',
      undefined
    ],
    ['only the default hostname', { [cgroup]: CGROUP_V2, '/.dockerenv': '' }, SELF.slice(0, 12), SELF],
    ['a hostname that is an id, without /.dockerenv', { [cgroup]: CGROUP_V2 }, SELF.slice(0, 12), undefined],
    ['a host on which containers run', { [mountinfo]: MOUNTS_HOST, [cgroup]: CGROUP_HOST }, 'vm', undefined],
    [
      'a host with a stray /.dockerenv and a container of its name',
      { [mountinfo]: MOUNTS_HOST, '/.dockerenv': '' },
      'vm',
      undefined
    ],
    ['not Linux', {}, 'vm', undefined]
  ]
  for (const [situation, files, hostname, expected] of cases) {
    it(`${expected === undefined ? 'finds none' : 'finds it'}: ${situation}`, async () => {
      expect(await findOwnContainer({ engine: { inspectContainer }, readFile: reader(files), hostname })).to.equal(
        expected
      )
    })
  }

  it('goes by the configured name first, and on to the clues when there is none of that name', async () => {
    const deps = { engine: { inspectContainer }, readFile: reader({ [mountinfo]: MOUNTS_DOCKER }), hostname: 'x' }
    expect(await findOwnContainer({ ...deps, configuredName: 'vm' })).to.equal(OTHER)
    expect(await findOwnContainer({ ...deps, configuredName: 'gone' })).to.equal(SELF)
    expect(await findOwnContainer({ ...deps, configuredName: '' })).to.equal(SELF)
  })

  it('rejects when the engine does not answer, for then nothing is known', async () => {
    const engine = {
      inspectContainer: () => Promise.reject(new EngineError('container_inspect', 'unavailable', 'no engine'))
    }
    const found = findOwnContainer({ engine, readFile: reader({ [mountinfo]: MOUNTS_DOCKER }), hostname: 'x' })
    expect(await found.catch((err: unknown) => (err as EngineError).fault)).to.equal('unavailable')
  })
})
