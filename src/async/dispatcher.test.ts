import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { systemClock } from '../clock.ts'
import type { ClaimedInvocation, InvocationStore } from '../store/invocation-store.ts'
import { Dispatcher } from './dispatcher.ts'
import { Lanes } from './lanes.ts'

const NOTHING = { head: [], body: new Uint8Array() }
const CALL: ClaimedInvocation = {
  ...{ seq: 1, id: 'i', callId: 'c', namespace: 'ns', name: 'fn', method: 'POST', path: '/', attempts: 1 },
  ...{ acceptedAt: 0, callbackAttempts: 0, bodyBytes: 0, payload: NOTHING },
  ...{ remoteAddress: undefined, callbackUrl: undefined, status: undefined, durationMs: undefined }
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
    const dispatcher = new Dispatcher({
      store: store as InvocationStore,
      ...{ lanes: new Lanes(), owner: 'me', clock: systemClock, random: Math.random },
      call: async () => {
        isKnown = false
        return { status: 404, refusal: 'FunctionNotFound', answer: NOTHING }
      },
      deliver: async () => ({ ok: true }),
      settingsOf: () => (isKnown ? {} : undefined),
      isWritten: async () => {
        if (looks++ === 0) throw new Error('disk I/O error')
        return false
      },
      limits: { concurrency: 1, perFunction: 1, callbackAttempts: 1 },
      metrics: { inflight: () => undefined, processed: () => undefined, callback: () => undefined },
      onDead: () => undefined,
      onEnded: () => undefined,
      log: { warn: () => undefined, error: fields => failures.push(fields) }
    })
    await dispatcher.start()
    await eventually(() => expect(buried).to.deep.equal(['ns/fn']))
    expect(failures).to.have.length(1)
    await dispatcher.stop()
  })
})
