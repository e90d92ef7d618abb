import type { FunctionStatus } from '../../api/function.ts'
import { aDraft } from '../fixtures/db/files.ts'
import type { ApiServer } from './api-server.ts'

const TIME = '2026-01-31T10:00:00.000Z'
const RESTART = {
  ...{ ordinal: 0, count: 1, exitCode: 137, oomKilled: true, started: true, container: '4be0a3c5d1f2' },
  ...{ startedAt: TIME, exitedAt: TIME, notBefore: TIME, lastOutput: 'out of memory' }
}

/** A status with every field that there is. */
export const FULL_STATUS: FunctionStatus = {
  ...{ observedGeneration: 1, replicas: 2, readyReplicas: 1, frozenReplicas: 0, outdatedReplicas: 1 },
  specHash: '9f86d081',
  conditions: [
    { type: 'Ready', status: 'False', reason: 'OOMKilled', message: 'out of memory', lastTransitionTime: TIME },
    { type: 'Exposed', status: 'True', reason: 'DebugPortsExposed', message: 'ports', lastTransitionTime: TIME }
  ],
  debugPorts: [{ ordinal: 0, containerPort: 9229, address: '127.0.0.1', hostPort: 20_001 }],
  image: { reference: 'a:1', templateHash: 'f00', id: 'sha256:f00', digest: 'a@sha256:f00' },
  restarts: [RESTART],
  outdatedRestarts: [RESTART],
  lastReconciledAt: TIME
}

const FULL_SPEC = {
  ...{ image: 'registry.example/x:1', envProcess: 'cat', env: { A: 'b' }, debug: true },
  ...{ limits: { memory: '128Mi', cpu: '1' }, requests: { memory: '64Mi' }, readOnlyRootFilesystem: true },
  ...{ network: 'net', constraints: ['a == b'], probes: { ready: { path: '/ready' } }, restartedAt: TIME }
}

type Make = (api: ApiServer, name: string) => Promise<unknown>

/** With every field and two revisions, an event, a schedule and a secret that it uses. */
const makeFunction: Make = async ({ store }, name) => {
  const key = `openfaas-fn/${name}`
  const annotations = { topic: 'cron-function', schedule: '0 0 1 1 *' }
  await store.functions.put(key, () => aDraft(name, { image: 'registry.example/x:0' }))
  await store.secrets.put(key, Buffer.from('value'))
  const draft = aDraft(name, { ...FULL_SPEC, secrets: [name] }, { labels: { a: 'b' }, annotations })
  const { object } = await store.functions.put(key, () => ({ ...draft, scale: { pinned: true, frozenSince: TIME } }))
  const { namespace, uid } = object.metadata
  await store.functions.putStatus(key, uid, FULL_STATUS)
  await store.events.record({ namespace, name, uid, type: 'Warning', reason: 'OOMKilled', message: 'out of memory' })
}

/** A dead letter of that id, and one that waits with it as its X-Call-Id. */
const makeCalls: Make = async ({ store }, name) => {
  const namespace = 'openfaas-fn'
  const call = { namespace, name, method: 'POST', path: '/', headers: [], body: Buffer.from('body') }
  await store.invocations.accept({ ...call, id: name, now: 0 })
  await store.invocations.bury(namespace, name, 0)
  const waits = { id: `${name}-waits`, callId: name, callbackUrl: 'https://example.com/x' }
  await store.invocations.accept({ ...call, ...waits, now: 0 })
}

/** By what paths say that are about such an object. */
const MAKERS: readonly (readonly [RegExp, Make])[] = [
  [/invocations|async-function/, makeCalls],
  [/secret/, ({ store }, name) => store.secrets.put(`openfaas-fn/${name}`, Buffer.from('value'))],
  [
    /namespace/,
    ({ store }, name) => store.namespaces.put(name, () => ({ labels: { a: 'b' }, annotations: { c: 'd' } }))
  ],
  [/profile/, ({ store }, name) => store.profiles.put(name, () => ({ name, labels: {}, annotations: {}, spec: {} }))],
  [
    /token/,
    ({ identity }, name) =>
      identity.tokens.create({ name, scopes: ['read'], namespaces: ['openfaas-fn'], expiresIn: '1h' }, 'test')
  ],
  [/./, makeFunction]
]

/** The object that a path is about, called `name`. */
export async function makeObject(api: ApiServer, name: string, path: string): Promise<void> {
  const [, make = makeFunction] = MAKERS.find(([word]) => word.test(path)) ?? []
  await make(api, name)
}

/** An object of every kind that paths name, all of them called `name`. */
export async function makeObjects(api: ApiServer, name: string): Promise<void> {
  for (const [, make] of MAKERS) await make(api, name)
}
