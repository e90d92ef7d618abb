import { expect } from 'chai'
import { killAt } from '../../test/helpers/killed-engine.ts'
import { Loop } from '../../test/helpers/loop.ts'

interface Scenario {
  readonly title: string
  /** What was there before. */
  readonly before: (loop: Loop) => Promise<unknown>
  /** What is then written down, and interrupted. */
  readonly change: (loop: Loop) => Promise<unknown>
  /** The containers that must be there in the end. */
  readonly containers: readonly string[]
  /** What each of them must find among its secrets; absent: it has none. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Of its network; absent: one that the engine names. */
  readonly bridge?: RegExp
}

const putSecret = (loop: Loop, value: string) => loop.store.secrets.put('openfaas-fn/key', Buffer.from(value))

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'a deployment',
    before: async () => undefined,
    change: loop => loop.put({ replicas: 3 }),
    containers: ['hello-0 running', 'hello-1 running', 'hello-2 running']
  },
  {
    title: 'an update',
    before: loop => loop.put({ replicas: 2 }),
    change: loop => loop.put({ replicas: 2, image: 'hello:2' }),
    containers: ['hello-0 running', 'hello-1 running']
  },
  {
    title: 'a scale down',
    before: loop => loop.put({ replicas: 3 }),
    change: loop => loop.put({ replicas: 1 }),
    containers: ['hello-0 running']
  },
  {
    title: 'a deletion',
    before: loop => loop.put({ replicas: 2 }),
    change: loop => loop.store.functions.markDeleted('openfaas-fn/hello'),
    containers: []
  },
  {
    title: 'a deletion and a new function of the same name',
    before: loop => loop.put({ replicas: 2 }),
    change: async loop => {
      await loop.store.functions.markDeleted('openfaas-fn/hello')
      await loop.put({ replicas: 1 })
    },
    containers: ['hello-0 running']
  },
  {
    title: 'a deployment with secrets',
    before: async () => undefined,
    change: async loop => {
      await putSecret(loop, 'one')
      await loop.put({ replicas: 2, secrets: ['key'] })
    },
    containers: ['hello-0 running', 'hello-1 running'],
    secrets: { key: 'one' }
  },
  {
    title: 'a change of a secret',
    before: async loop => {
      await putSecret(loop, 'one')
      return loop.put({ replicas: 2, secrets: ['key'] })
    },
    change: loop => putSecret(loop, 'two'),
    containers: ['hello-0 running', 'hello-1 running'],
    secrets: { key: 'two' }
  },
  {
    title: 'a deletion of what has secrets',
    before: async loop => {
      await putSecret(loop, 'one')
      return loop.put({ replicas: 1, secrets: ['key'] })
    },
    change: loop => loop.store.functions.markDeleted('openfaas-fn/hello'),
    containers: []
  },
  {
    title: 'a change of egress',
    before: loop => loop.put({ replicas: 2 }),
    change: loop => loop.put({ replicas: 2, annotations: { 'com.docker-faas.egress': 'none' } }),
    containers: ['hello-0 running', 'hello-1 running'],
    bridge: /^dfn-/
  },
  {
    title: 'taking over what the older program left running',
    before: loop => loop.leaveLegacy(2),
    change: async loop => loop.inherited.add((await loop.put({ replicas: 2 })).metadata.uid),
    containers: ['hello-0 running', 'hello-1 running']
  }
]

/** Runs the scenario with the process killed at one call; says whether it got that far. */
async function isKilledAt(scenario: Scenario, call: number, when: 'before' | 'after'): Promise<boolean> {
  const loop = await Loop.open()
  try {
    if ((await scenario.before(loop)) !== undefined) await loop.settle()
    const killer = killAt(loop.engine, call, when)
    loop.restart(killer.engine)
    await scenario.change(loop)
    await loop.settle().catch((err: unknown) => {
      if (!killer.wasKilled()) throw err
    })
    loop.restart()
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(scenario.containers)
    const networks = await loop.engine.listNetworks()
    expect(networks).to.have.length(scenario.containers.length === 0 ? 0 : 1)
    for (const { closedBridge = '' } of networks) expect(closedBridge).to.match(scenario.bridge ?? /^$/)
    for (const container of scenario.containers) {
      expect(loop.engine.secretsIn(container.split(' ')[0] ?? '')).to.deep.equal(scenario.secrets)
    }
    expect(loop.engine.volumes()).to.have.length(scenario.secrets === undefined ? 0 : 1)
    return killer.wasKilled()
  } finally {
    await loop.close()
  }
}

describe('a process that is killed between any two engine calls', () => {
  for (const scenario of SCENARIOS) {
    for (const when of ['before', 'after'] as const) {
      it(`finishes ${scenario.title} when it starts again, killed ${when} each call`, async function () {
        this.timeout(60_000)
        let points = 0
        while (await isKilledAt(scenario, points, when)) points++
        expect(points, 'calls of the scenario').to.be.at.least(3)
      })
    }
  }
})
