import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { systemClock } from '../clock.ts'
import type { ClaimedInvocation, ClaimOptions, InvocationStore } from '../store/invocation-store.ts'
import { Dispatcher } from './dispatcher.ts'
import type { DispatcherDeps } from './dispatcher-deps.ts'
import { Lanes } from './lanes.ts'

const NOTHING = { head: [], body: new Uint8Array() }
const CALL: ClaimedInvocation = {
  ...{ seq: 1, id: 'i', callId: 'c', namespace: 'ns', name: 'fn', method: 'POST', path: '/', attempts: 1 },
  ...{ acceptedAt: 0, callbackAttempts: 0, bodyBytes: 0, storedBytes: 0, payload: NOTHING },
  ...{ remoteAddress: undefined, callbackUrl: undefined, status: undefined, durationMs: undefined }
}

function aDispatcher(deps: Pick<DispatcherDeps, 'store'> & Partial<DispatcherDeps>): Dispatcher {
  return new Dispatcher({
    ...{ lanes: new Lanes(), owner: 'me', clock: systemClock, random: Math.random },
    call: async () => ({ status: 200, answer: NOTHING }),
    deliver: async () => ({ ok: true }),
    settingsOf: () => ({}),
    isWritten: async () => true,
    limits: { concurrency: 1, perFunction: 1, callbackAttempts: 1, maxBytes: 1e9 },
    metrics: { inflight: () => undefined, processed: () => undefined, callback: () => undefined },
    onDead: () => undefined,
    onEnded: () => undefined,
    log: { warn: () => undefined, error: () => undefined },
    ...deps
  })
}

describe('dispatcher of asynchronous calls', () => {
  it('S8: outlives a database that fails while it looks after calls of a function that is gone, and looks again', async () => {
    const buried: string[] = []
    const failures: object[] = []
    let isKnown = true
    let looks = 0
    const claims = [[CALL]]
    const store: Partial<InvocationStore> = {
      takeBack: async () => [],
      counts: async () => [{ namespace: 'ns', name: 'fn', phase: 'queued', count: 1, bytes: 0 }],
      claim: async () => ({ claimed: claims.pop() ?? [] }),
      settle: async () => 'queued',
      bury: async (namespace, name) => {
        buried.push(`${namespace}/${name}`)
        return []
      }
    }
    const dispatcher = aDispatcher({
      store: store as InvocationStore,
      call: async () => {
        isKnown = false
        return { status: 404, refusal: 'FunctionNotFound', answer: NOTHING }
      },
      settingsOf: () => (isKnown ? {} : undefined),
      isWritten: async () => {
        if (looks++ === 0) throw new Error('disk I/O error')
        return false
      },
      log: { warn: () => undefined, error: fields => failures.push(fields) }
    })
    await dispatcher.start()
    await eventually(() => expect(buried).to.deep.equal(['ns/fn']))
    expect(failures).to.have.length(1)
    await dispatcher.stop()
  })

  it('D15: asks for calls that are due only long after the clock was set back', async () => {
    const clock = { wall: 1e12, now: () => clock.wall, monotonic: () => 0 }
    const asked: ClaimOptions[] = []
    const store: Partial<InvocationStore> = {
      takeBack: async () => [],
      counts: async () => [{ namespace: 'ns', name: 'fn', phase: 'queued', count: 1, bytes: 0 }],
      claim: async options => {
        asked.push(options)
        return { claimed: [], nextDueAt: 1e12 + 60_000 }
      }
    }
    const dispatcher = aDispatcher({ store: store as InvocationStore, clock })
    await dispatcher.start()
    await eventually(() => expect(asked).to.have.length(1))
    clock.wall -= 86_400_000
    dispatcher.wake()
    await eventually(() => expect(asked.length).to.be.greaterThan(1))
    expect(asked[1]?.farthest).to.be.lessThan(1e12)
    await dispatcher.stop()
  })
})
