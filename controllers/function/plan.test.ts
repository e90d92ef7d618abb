import { expect } from 'chai'
import type { RestartRecord } from '../../api/function.ts'
import { aDesired, aFunction, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'
import { planFunction } from './plan.ts'
import { formatPlan } from './step.ts'

const OLD = 'aaaaaaaa'

function planText(desired: Desired, observed: Observed, now = NOW): string {
  return formatPlan(planFunction(desired, observed, now).steps)
}

function lines(...text: string[]): string {
  return text.join('\n')
}

function aRecord(overrides: Partial<RestartRecord> = {}): RestartRecord {
  return {
    ordinal: 0,
    count: 1,
    exitCode: 1,
    oomKilled: false,
    started: true,
    container: 'id-hello-0',
    exitedAt: new Date(NOW - 500).toISOString(),
    notBefore: new Date(NOW + 500).toISOString(),
    lastOutput: '',
    ...overrides
  }
}

describe('planFunction', () => {
  it('creates the network, the replica and starts it for a new function', () => {
    expect(planText(aDesired(), anObserved([], null))).to.equal(
      lines('create network test-net-hello: missing', 'create hello-0: missing', 'start hello-0: missing')
    )
  })

  it('does nothing when everything is as wanted', () => {
    const plan = planFunction(aDesired(), anObserved([aReplica()]), NOW)
    expect(plan.steps).to.deep.equal([])
    expect(plan.requeueAfter).to.equal(undefined)
    expect(plan.endpoints.map(r => r.name)).to.deep.equal(['hello-0'])
  })

  it('creates nothing while the image is not there, and lets the old replicas serve', () => {
    const { hash: _, ...unresolved } = aDesired({ image: { state: 'pulling', currentBytes: 0, totalBytes: 0 } })
    const plan = planFunction(unresolved, anObserved([aReplica({ hash: OLD })]), NOW)
    expect(plan.steps).to.deep.equal([])
    expect(plan.endpoints).to.have.length(1)
  })

  it('comes back when a failed pull may be tried again', () => {
    const image = { state: 'failed', fault: 'no-image', message: '', retryAt: NOW + 7000 } as const
    const { hash: _, ...unresolved } = aDesired({ image })
    expect(planFunction(unresolved, anObserved(), NOW).requeueAfter).to.equal(7000)
    expect(planFunction(unresolved, anObserved(), NOW + 7001).requeueAfter).to.equal(1)
  })

  it('creates nothing while a secret is missing', () => {
    expect(planText(aDesired({ missingSecrets: ['db'] }), anObserved())).to.equal('')
  })

  it('N5: neither starts nor connects a replica while a network that is not ours has the name of its own', () => {
    const created = aReplica({ ordinal: 0, phase: 'created' })
    const { address: _, ...off } = aReplica({ ordinal: 1, phase: 'unready' })
    const observed = anObserved([created, off], { ...NETWORK, ours: false })
    expect(planText(aDesired({ replicas: 2 }), observed)).to.equal('')
  })

  it('N5: connects a replica to the network that was found, whoever has its name by then', () => {
    const { address: _, ...off } = aReplica({ phase: 'unready' })
    const [step] = planFunction(aDesired(), anObserved([off]), NOW).steps
    expect(step).to.include({ kind: 'connect-replica', networkId: NETWORK.id })
  })

  it('creates nothing on a network that is not ours', () => {
    expect(planText(aDesired(), anObserved([], { ...NETWORK, ours: false }))).to.equal('')
  })

  describe('rolling update', () => {
    it('starts the new replica under the canonical name before it stops the old one', () => {
      expect(planText(aDesired(), anObserved([aReplica({ hash: OLD })]))).to.equal(
        lines('rename hello-0 to hello-0-aaaaaaaa: makes room', 'create hello-0: outdated', 'start hello-0: outdated')
      )
    })

    it('keeps the old replica until the new one is ready', () => {
      const old = aReplica({ name: 'hello-0-aaaaaaaa', hash: OLD })
      const plan = planFunction(aDesired(), anObserved([old, aReplica({ phase: 'starting' })]), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(plan.endpoints.map(r => r.name)).to.deep.equal(['hello-0-aaaaaaaa'])
    })

    it('takes the old replica out of the table, then stops it, once the new one is ready', () => {
      const old = aReplica({ name: 'hello-0-aaaaaaaa', hash: OLD })
      const plan = planFunction(aDesired(), anObserved([old, aReplica()]), NOW)
      expect(formatPlan(plan.steps)).to.equal('stop hello-0-aaaaaaaa: outdated')
      expect(plan.endpoints.map(r => r.name)).to.deep.equal(['hello-0'])
    })

    it('lets the calls of a leaving replica end before it is stopped, but not for ever', () => {
      const old = aReplica({ name: 'hello-0-aaaaaaaa', hash: OLD, inflight: 1, leavingSince: NOW })
      const observed = anObserved([old, aReplica()])
      const plan = planFunction(aDesired(), observed, NOW + 1000)
      expect(plan.steps).to.deep.equal([])
      expect(plan.requeueAfter).to.equal(59_000)
      expect(planText(aDesired(), observed, NOW + 60_000)).to.equal('stop hello-0-aaaaaaaa: outdated')
    })

    it('kills a replica that does not stop in its grace time', () => {
      const old = aReplica({ name: 'hello-0-aaaaaaaa', hash: OLD, phase: 'exiting', stoppingSince: NOW })
      const observed = anObserved([old, aReplica()])
      expect(planFunction(aDesired(), observed, NOW + 4000).requeueAfter).to.equal(6000)
      expect(planText(aDesired(), observed, NOW + 10_000)).to.equal('remove hello-0-aaaaaaaa: does not stop')
    })

    it('replaces one of four at a time, and two of eight', () => {
      for (const [replicas, surge] of [
        [4, 1],
        [8, 2]
      ] as const) {
        const olds = Array.from({ length: replicas }, (_, ordinal) => aReplica({ ordinal, hash: OLD }))
        const plan = planFunction(aDesired({ fn: aFunction({ replicas }) }), anObserved(olds), NOW)
        expect(plan.steps.filter(step => step.kind === 'create-replica')).to.have.length(surge)
      }
    })

    it('fills the other ordinals while the name of one cannot be freed, so that it comes free', () => {
      const old = { hash: OLD, ordinal: 1 }
      const observed = anObserved([
        aReplica(),
        aReplica({ ...old, name: 'hello-1', id: 'a' }),
        aReplica({ ...old, name: `hello-1-${OLD}`, id: 'b' })
      ])
      expect(planText(aDesired({ replicas: 3 }), observed)).to.equal(
        lines('create hello-2: missing', 'start hello-2: missing')
      )
    })

    it('holds when the new replica does not get ready: no more are started, the old ones go on', () => {
      const desired = aDesired({ fn: aFunction({ replicas: 2 }), restarts: [aRecord({ count: 3 })] })
      const old = [0, 1].map(ordinal => aReplica({ ordinal, hash: OLD, name: `hello-${ordinal}-${OLD}` }))
      const plan = planFunction(desired, anObserved([...old, aReplica({ phase: 'exited' })]), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(plan.endpoints).to.have.length(2)
      expect(plan.requeueAfter).to.equal(500)
    })

    it('takes a replica back that is right again after the spec was changed back', () => {
      const back = aReplica({ name: 'hello-0-bbbbbbbb' })
      const wrong = aReplica({ name: 'hello-0', hash: OLD, phase: 'starting' })
      expect(planText(aDesired(), anObserved([wrong, back]))).to.equal('stop hello-0: outdated')
      expect(planText(aDesired(), anObserved([back]))).to.equal('rename hello-0-bbbbbbbb to hello-0: renamed')
    })

    it('replaces a replica whose limits were changed by hand', () => {
      const drifted = aReplica({ container: { memoryBytes: 2 ** 30 } })
      expect(planText(aDesired(), anObserved([drifted]))).to.match(/^rename hello-0 to hello-0-bbbbbbbb/)
    })
  })

  describe('scaling', () => {
    it('removes the highest ordinals of a function that was scaled down', () => {
      const replicas = [0, 1, 2].map(ordinal => aReplica({ ordinal }))
      expect(planText(aDesired(), anObserved(replicas))).to.equal(
        lines('stop hello-2: surplus', 'stop hello-1: surplus')
      )
    })

    it('keeps a ready surplus replica as long as a wanted one is not ready', () => {
      const plan = planFunction(aDesired(), anObserved([aReplica({ phase: 'unready' }), aReplica({ ordinal: 1 })]), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(plan.endpoints.map(r => r.name)).to.deep.equal(['hello-1'])
    })

    it('removes every replica at zero and keeps the network', () => {
      const desired = aDesired({ fn: aFunction({ replicas: 0 }) })
      expect(planText(desired, anObserved([aReplica()]))).to.equal('stop hello-0: surplus')
      expect(planText(desired, anObserved([]))).to.equal('')
    })

    it('creates no more replicas than the network has addresses for', () => {
      const desired = aDesired({ fn: aFunction({ replicas: 4 }) })
      const plan = planFunction(desired, anObserved([aReplica()], { ...NETWORK, capacity: 2 }), NOW)
      expect(plan.steps.filter(step => step.kind === 'create-replica')).to.have.length(1)
    })

    it('makes a larger network when the one there is too small and nothing is on it', () => {
      const desired = aDesired({ fn: aFunction({ replicas: 4 }) })
      expect(planText(desired, anObserved([], { ...NETWORK, capacity: 2 }))).to.match(
        /^remove network test-net-hello: too small\ncreate network test-net-hello: missing/
      )
    })
  })

  describe('repair', () => {
    it('replaces a replica that exited, under its own name', () => {
      const exited = aReplica({ phase: 'exited', container: { exitCode: 137 } })
      expect(planText(aDesired(), anObserved([exited]))).to.equal(
        lines(
          'remove hello-0: exited with code 137',
          'create hello-0: exited with code 137',
          'start hello-0: exited with code 137'
        )
      )
    })

    it('waits for the end of the back-off before it replaces one that keeps exiting', () => {
      const desired = aDesired({ restarts: [aRecord()] })
      const plan = planFunction(desired, anObserved([aReplica({ phase: 'exited' })]), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(plan.requeueAfter).to.equal(500)
    })

    it('creates a replica that was removed by hand', () => {
      expect(planText(aDesired(), anObserved([]))).to.equal(lines('create hello-0: missing', 'start hello-0: missing'))
    })

    it('starts one that was created and never started', () => {
      expect(planText(aDesired(), anObserved([aReplica({ phase: 'created' })]))).to.equal(
        'start id-hello-0: not started'
      )
    })

    it('unpauses one that somebody paused', () => {
      const paused = aReplica({ phase: 'unready', paused: true, address: '10.0.0.2' })
      expect(planText(aDesired(), anObserved([paused]))).to.equal('unpause id-hello-0: paused')
    })

    it('gives back its name to one that was renamed', () => {
      expect(planText(aDesired(), anObserved([aReplica({ name: 'other' })]))).to.equal(
        'rename other to hello-0: renamed'
      )
    })

    it('K9: takes a replica off a network that is not its own, whatever revision it is of', () => {
      const foreignNetworks = [{ id: 'network-2', name: 'team' }]
      const text = 'disconnect id-hello-0: attached to network team, which is not its own'
      expect(planText(aDesired(), anObserved([aReplica({ foreignNetworks })]))).to.equal(text)
      expect(planText(aDesired(), anObserved([aReplica({ foreignNetworks, hash: OLD })]))).to.match(
        new RegExp(`^${text}`)
      )
      expect(planText(aDesired(), anObserved([aReplica({ foreignNetworks, phase: 'exited' })]))).not.to.contain(text)
    })

    it('rebuilds a network that was removed and attaches what runs', () => {
      const { address: _, ...detached } = aReplica({ phase: 'unready' })
      expect(planText(aDesired(), anObserved([detached], null))).to.equal(
        lines('create network test-net-hello: missing', 'connect id-hello-0: not on its network')
      )
    })

    it('keeps the ready one of two replicas of one ordinal', () => {
      const other = aReplica({ name: 'copy', id: 'id-copy', phase: 'starting' })
      expect(planText(aDesired(), anObserved([aReplica(), other]))).to.equal('stop copy: duplicate')
    })

    it('attaches the gateway to the network when it runs in a container', () => {
      const desired = aDesired({ gatewayId: 'gateway-1' })
      expect(planText(desired, anObserved([aReplica()]))).to.equal('connect gateway to test-net-hello: not attached')
      expect(planText(desired, anObserved([aReplica()], { ...NETWORK, members: ['gateway-1'] }))).to.equal('')
    })
  })

  describe('replicas of an earlier function of the same name', () => {
    it('never serve and make room', () => {
      const dying = aReplica({ uid: 'uid-0' })
      const plan = planFunction(aDesired(), anObserved([dying]), NOW)
      expect(formatPlan(plan.steps)).to.equal(
        lines(
          'rename hello-0 to hello-0-bbbbbbbb: makes room',
          'create hello-0: missing',
          'start hello-0: missing',
          'stop hello-0: of an earlier function of this name'
        )
      )
      expect(plan.endpoints).to.deep.equal([])
    })
  })

  describe('deletion', () => {
    const deleted = aDesired({ fn: aFunction({ deletionRequestedAt: new Date(NOW).toISOString() }), gatewayId: 'gw' })

    it('stops the replicas, then removes them, then detaches the gateway and removes the network', () => {
      const attached = { ...NETWORK, members: ['gw'] }
      expect(planText(deleted, anObserved([aReplica()], attached))).to.equal('stop hello-0: function deleted')
      expect(planText(deleted, anObserved([aReplica({ phase: 'exited' })], attached))).to.equal(
        'remove hello-0: function deleted'
      )
      expect(planText(deleted, anObserved([], attached))).to.equal(
        lines(
          'disconnect gateway from test-net-hello: function deleted',
          'remove network test-net-hello: function deleted'
        )
      )
    })

    it('is finished only when the engine holds nothing of it', () => {
      expect(planFunction(deleted, anObserved([]), NOW).finished).to.equal(false)
      expect(planFunction(deleted, anObserved([], null), NOW).finished).to.equal(true)
    })

    it('leaves a network of that name alone that is not ours', () => {
      const plan = planFunction(deleted, anObserved([], { ...NETWORK, ours: false }), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(plan.finished).to.equal(true)
    })
  })

  it('takes the gateway off a network that is too small before it replaces it', () => {
    const small = { ...NETWORK, capacity: 1, members: ['gateway'] }
    expect(
      planText(aDesired({ replicas: 2, gatewayId: 'gateway' }), anObserved([], small))
        .split('\n')
        .slice(0, 4)
    ).to.deep.equal([
      'disconnect gateway from test-net-hello: too small',
      'remove network test-net-hello: too small',
      'create network test-net-hello: missing',
      'connect gateway to test-net-hello: not attached'
    ])
  })
})
