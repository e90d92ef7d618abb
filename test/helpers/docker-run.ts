import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import Docker from 'dockerode'
import { type Pack, pack } from 'tar-stream'
import { LABEL } from '../../api/labels.ts'
import type { StringMap } from '../../api/meta.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import { addresses } from './addresses.ts'
import { PRODUCT_HOST } from './product-engine.ts'
import { uniqueName } from './unique-name.ts'

/** What one run of an integration test has on the engine; `reap` removes all of it. */
export interface TestRun {
  /** Value of the instance label: what carries it belongs to this run. */
  readonly instance: string
  /** The instance label, for objects that a test makes by hand. */
  readonly labels: StringMap
  /** Start of the names of everything the run makes. */
  readonly prefix: string
  /**
   * A function of busybox, told by its environment what to do: `MODE=http` (the default) answers on 8080 (`/`, `/_/health`,
   * `/cgi-bin/echo` with the request), `sleep` never listens, `stubborn` ignores SIGTERM, `exit` ends with `EXIT_CODE`,
   * `hog` eats memory, `log` writes a line to stdout and one to stderr and sleeps, `print` writes what `PRINT` is in base64, and
   * `again` at SIGUSR1.
   */
  readonly image: string
  /** An image whose process cannot be started. */
  readonly brokenImage: string
  /** Address of the engine, for `DockerEngine`. */
  readonly host: string
  /** The engine, for what `Engine` cannot do. */
  readonly docker: Docker
  /** A /28 that nobody else has, another one at each call. */
  subnet: () => string
  /** Removes every container, network, volume and image of the run, whatever state they are in. */
  reap: () => Promise<void>
}

const ENTRY = `#!/bin/sh
case "\${MODE:-http}" in
  http) trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait $! ;;
  sleep) trap 'exit 0' TERM; sleep 100000 & wait $! ;;
  stubborn) trap '' TERM; sleep 100000 & wait $! ;;
  exit) exit "\${EXIT_CODE:-1}" ;;
  hog) exec tail /dev/zero ;;
  print) trap 'exit 0' TERM; trap 'echo again' USR1; printf %s "$PRINT" | base64 -d; while :; do sleep 100000 & wait $!; done ;;
  log) echo to stdout; echo to stderr >&2; trap 'exit 0' TERM; sleep 100000 & wait $! ;;
esac
`
const ECHO = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "$REQUEST_METHOD $REQUEST_URI"
env | sort
cat
`
const APPLETS = [
  'sh',
  'httpd',
  'sleep',
  'cat',
  'base64',
  'echo',
  'env',
  'sort',
  'tail',
  'nc',
  'wget',
  'dd',
  'ls',
  'id',
  'printf',
  'mount'
]

/** Starts a run: builds its images. `DOCKER_HOST` counts, as it does for `docker`, unless an engine is given. */
export async function createTestRun(docker = new Docker(), host = PRODUCT_HOST): Promise<TestRun> {
  const instance = uniqueName()
  const image = `docker-faas-test/busybox:${instance}`
  const brokenImage = `docker-faas-test/broken:${instance}`
  await importImage(docker, image, instance, '["/bin/sh", "/entry"]')
  await importImage(docker, brokenImage, instance, '["/no-such-program"]')
  return {
    instance,
    labels: { [LABEL.instance]: instance },
    prefix: `${instance}-`,
    image,
    brokenImage,
    host,
    docker,
    subnet: await subnetSource(docker),
    reap: () => reap(docker, instance)
  }
}

/**
 * In a `describe`: a run that begins before its tests and is reaped after them, whether they passed or not. It is reaped behind
 * all that the suite does after its tests: a gateway that still runs would make anew what is missing.
 */
export function useTestRun(): () => TestRun {
  let run: TestRun | undefined
  before('start a run on the engine', async function () {
    this.timeout(30_000)
    this.test?.parent?.afterAll('reap the run', async function () {
      this.timeout(60_000)
      await run?.reap()
    })
    run = await createTestRun()
  })
  return () => {
    if (run === undefined) throw new Error('the run begins with the tests')
    return run
  }
}

/** A file of an image, beside those of busybox. */
export interface ImageFile {
  /** Path without the leading slash. */
  readonly name: string
  readonly mode: number
  readonly content: Buffer
}

/** Makes an image of busybox with that command, labelled so that the run's end removes it. */
export async function importImage(
  docker: Docker,
  reference: string,
  instance: string,
  command: string,
  { user, volume, files = [] }: { user?: string; volume?: string; files?: readonly ImageFile[] } = {}
): Promise<void> {
  const tar = pack()
  const filled = fill(tar, files)
  const [, repo = '', tag = ''] = /^(.*):([^:/]*)$/.exec(reference) ?? []
  // Lists become one query parameter each, which is how the engine takes several changes.
  const changes = [`CMD ${command}`, `LABEL ${LABEL.instance}=${instance}`, 'EXPOSE 8080']
  if (user !== undefined) changes.push(`USER ${user}`)
  if (volume !== undefined) changes.push(`VOLUME ${volume}`)
  const answer = await docker.importImage(Readable.from(tar), { repo, tag, changes } as object)
  await filled
  let text = ''
  for await (const chunk of answer) text += chunk
  if (text.includes('"error"')) throw new Error(`image ${reference} could not be imported: ${text}`)
}

async function fill(tar: Pack, files: readonly ImageFile[]): Promise<void> {
  for (const name of ['bin', 'tmp', 'www', 'www/_', 'www/cgi-bin', 'proc', 'sys', 'dev', 'etc']) {
    tar.entry({ name, type: 'directory', mode: name === 'tmp' ? 0o1777 : 0o755 })
  }
  const busybox = await readFile('/bin/busybox').catch(cause => {
    throw new Error('the tests make their images of /bin/busybox: apt-get install busybox-static', { cause })
  })
  tar.entry({ name: 'bin/busybox', mode: 0o755 }, busybox)
  for (const name of APPLETS) tar.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })
  tar.entry({ name: 'entry', mode: 0o755 }, ENTRY)
  tar.entry({ name: 'www/index.html' }, 'hello from busybox\n')
  tar.entry({ name: 'www/_/health' }, 'ok\n')
  tar.entry({ name: 'www/cgi-bin/echo', mode: 0o755 }, ECHO)
  for (const { name, mode, content } of files) tar.entry({ name, mode }, content)
  tar.finalize()
}

/** The /28s of this process, without those that somebody has on the engine all the same. */
async function subnetSource(docker: Docker): Promise<() => string> {
  const networks = await docker.listNetworks()
  const taken = networks.flatMap(n => n.IPAM?.Config?.flatMap(c => c.Subnet ?? []) ?? [])
  const used = new Set<string>()
  const next = (): string => {
    const subnet = addresses.subnet()
    if (used.has(subnet)) throw new Error(`the run has used its ${used.size} subnets`)
    used.add(subnet)
    return taken.some(other => overlaps(other, subnet)) ? next() : subnet
  }
  return next
}

async function reap(docker: Docker, instance: string): Promise<void> {
  const filters = { label: [`${LABEL.instance}=${instance}`] }
  const containers = await docker.listContainers({ all: true, filters })
  await Promise.all(containers.map(c => gone(docker.getContainer(c.Id).remove({ force: true, v: true }))))
  for (const network of await docker.listNetworks({ filters })) await removeNetwork(docker, network.Id)
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  for (const volume of volumes ?? []) await gone(docker.getVolume(volume.Name).remove({}))
  for (const image of await docker.listImages({ all: true, filters })) {
    await gone(docker.getImage(image.Id).remove({ force: true }))
  }
}

/** Others' containers may be attached, such as the one that the tests run in. */
async function removeNetwork(docker: Docker, id: string): Promise<void> {
  const network = docker.getNetwork(id)
  const found = (await network.inspect()) as Docker.NetworkInspectInfo
  for (const container of Object.keys(found.Containers ?? {})) {
    await gone(network.disconnect({ Container: container, Force: true } as object))
  }
  await gone(network.remove({}))
}

/** Waits for a removal; that it has gone already, or is going, is as good. */
async function gone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal
  } catch (err) {
    const { statusCode } = err as { statusCode?: number }
    if (statusCode !== 404 && statusCode !== 409) throw err
  }
}
