/**
 * Removes what Docker FaaS made in Docker: every container, network and volume with our instance label, and its rules of
 * iptables; nothing else.
 * Images stay. `--data` also removes the database, its backups, the password, the log, and what is kept to tell that the database is
 * whole; keys stay.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import type Docker from 'dockerode'
import { LABEL } from '../api/labels.ts'
import { Firewall, FirewallError } from '../src/engine/firewall.ts'
import { runningGateway } from './gateway.ts'
import { connectEngine } from './images.ts'
import { readSettings, type Settings } from './settings.ts'

interface Removable {
  readonly kind: 'container' | 'network' | 'volume'
  readonly name: string
  readonly remove: () => Promise<unknown>
}

async function clean(docker: Docker, settings: Settings): Promise<void> {
  const filters = { label: [`${LABEL.instance}=${settings.instance}`] }
  let removed = 0
  // In this order: a network or volume that a container uses cannot go.
  for (const list of [listContainers, listNetworks, listVolumes]) {
    for (const { kind, name, remove } of await list(docker, filters)) {
      await remove()
      console.log(`removed ${kind} ${name}`)
      removed += 1
    }
  }
  removed += await cleanFirewall(settings.instance)
  if (removed === 0) console.log(`Docker holds nothing of the instance ${settings.instance}.`)
}

/** Takes away the rules of iptables, where there are some and this user may look. */
async function cleanFirewall(instance: string): Promise<number> {
  if (process.getuid?.() !== 0) return 0
  try {
    const gone = await new Firewall().remove({ instance })
    if (gone) console.log('removed the firewall')
    return gone ? 1 : 0
  } catch (err) {
    if (err instanceof FirewallError) return 0
    throw err
  }
}

type Filters = Record<string, string[]>

async function listContainers(docker: Docker, filters: Filters): Promise<Removable[]> {
  const containers = await docker.listContainers({ all: true, filters })
  return containers.map(({ Id, Names }) => ({
    kind: 'container',
    name: Names[0]?.slice(1) ?? Id,
    remove: () => docker.getContainer(Id).remove({ force: true, v: true })
  }))
}

async function listNetworks(docker: Docker, filters: Filters): Promise<Removable[]> {
  const networks = await docker.listNetworks({ filters })
  return networks.map(({ Id, Name }) => ({
    kind: 'network',
    name: Name,
    remove: () => docker.getNetwork(Id).remove()
  }))
}

async function listVolumes(docker: Docker, filters: Filters): Promise<Removable[]> {
  const { Volumes } = await docker.listVolumes({ filters })
  return (Volumes ?? []).map(({ Name }) => ({
    kind: 'volume',
    name: Name,
    remove: () => docker.getVolume(Name).remove()
  }))
}

/** Named one by one: the directory may be any, that of the checkout included. */
function dataFiles({ dataDir, databasePath }: Settings): string[] {
  const database = basename(databasePath)
  const ours = (name: string) =>
    name.startsWith(database) || ['admin-password', 'gateway.log', 'audit-head'].includes(name)
  if (!existsSync(dataDir)) return []
  return readdirSync(dataDir, { withFileTypes: true })
    .filter(entry => entry.isFile() && ours(entry.name))
    .map(entry => join(dataDir, entry.name))
}

const { values } = parseArgs({ options: { data: { type: 'boolean' } } })
const settings = readSettings(process.env)
const pid = runningGateway(settings)
if (pid === undefined) {
  await clean(connectEngine(), settings)
  if (values.data) {
    for (const path of dataFiles(settings)) {
      rmSync(path, { force: true })
      console.log(`removed ${path}`)
    }
  }
} else {
  console.error(`The gateway runs, as process ${pid}, and would bring everything back. Stop it first (Ctrl-C).`)
  process.exitCode = 1
}
