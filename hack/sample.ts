/** The sample function: deployed, called, killed, healed. Each step says what it does as a user would do it. */
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import { getCondition } from '../api/condition.ts'
import { LABEL } from '../api/labels.ts'
import type { Api } from './api.ts'
import { HELLO_IMAGE } from './images.ts'
import type { Settings } from './settings.ts'

const PATIENCE_MS = 60_000
const POLL_MS = 50

interface Deps {
  readonly api: Api
  readonly docker: Docker
  readonly settings: Settings
  readonly signal: AbortSignal
}

/** Deploys the sample if it is not there, and waits until it is ready; false when it was there before. */
export async function deploySample({ api, settings, signal }: Deps): Promise<boolean> {
  const name = settings.sample
  const isNew = (await api.get(name)) === undefined
  if (isNew) {
    await api.apply({ metadata: { name }, spec: { image: HELLO_IMAGE } })
    console.log(`✔ Deployed the function ${name} from the image ${HELLO_IMAGE}`)
  }
  await untilReady(api, name, signal)
  if (!isNew) console.log(`✔ The function ${name} is as it was: nothing was deployed anew`)
  return isNew
}

/** Calls the sample and shows the call and the answer. */
export async function callSample({ api, settings }: Deps): Promise<void> {
  console.log(`\n  $ curl -u "$auth" -d Ada ${api.url}/function/${settings.sample}`)
  console.log(indent(await api.invoke(settings.sample, 'Ada')))
}

/** Kills the replica of the sample behind the gateway's back, calls the function at once, and waits for its successor. */
export async function killAndHeal(deps: Deps): Promise<void> {
  const { api, docker, settings, signal } = deps
  const victim = await findReplica(deps)
  if (victim === undefined) throw new Error(`${settings.sample} has no running replica to kill`)
  console.log(`\n  $ docker kill ${victim.name}    # by hand; the gateway is not told`)
  const killedAt = performance.now()
  await docker.getContainer(victim.id).kill()
  console.log(`  $ curl -u "$auth" -d Ada ${api.url}/function/${settings.sample}    # at once`)
  console.log(indent(await api.invoke(settings.sample, 'Ada')))
  const answered = performance.now() - killedAt
  const heir = await poll(signal, async () => {
    const found = await findReplica(deps)
    return found !== undefined && found.id !== victim.id ? found : undefined
  })
  if (heir === undefined) throw new Error(`${victim.name} was not replaced within ${PATIENCE_MS / 1000} s`)
  const ids = `${victim.id.slice(0, 12)} → ${heir.id.slice(0, 12)}`
  console.log(`✔ Healed: ${heir.name} is a new container (${ids}).`)
  console.log(
    `  The call was held meanwhile and answered ${(answered / 1000).toFixed(2)} s after the kill; it did not fail.`
  )
}

async function untilReady(api: Api, name: string, signal: AbortSignal): Promise<void> {
  let shown = ''
  const done = await poll(signal, async () => {
    const view = await api.get(name)
    if (view === undefined) return undefined
    const { conditions, observedGeneration } = view.status
    const ready = getCondition(conditions, 'Ready')
    const isCurrent = observedGeneration === view.metadata.generation
    if (isCurrent && ready?.status === 'True') return true
    const message = ready === undefined ? 'waiting for the first look at it' : `${ready.reason}: ${ready.message}`
    if (message !== shown) console.log(`  … ${message}`)
    shown = message
    return undefined
  })
  if (done === undefined) throw new Error(`${name} is not ready after ${PATIENCE_MS / 1000} s: ${shown}`)
  console.log(`✔ The function ${name} is ready`)
}

async function findReplica({ docker, settings }: Deps): Promise<{ id: string; name: string } | undefined> {
  const label = [`${LABEL.instance}=${settings.instance}`, `${LABEL.function}=${settings.sample}`]
  const [found] = await docker.listContainers({ filters: { label, status: ['running'] } })
  return found === undefined ? undefined : { id: found.Id, name: found.Names[0]?.slice(1) ?? found.Id }
}

/** What `look` finds within the patience; undefined when it finds nothing. */
async function poll<T>(signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    const found = await look()
    if (found !== undefined) return found
    await delay(POLL_MS, undefined, { signal })
  }
  return undefined
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ')
}
