import { expect } from 'chai'
import { NotFoundError, QueueFullError } from '../../api/errors.ts'
import type { InvocationDraft, InvocationView } from '../../api/invocation.ts'
import { systemClock } from '../clock.ts'
import { StoreUnavailableError } from '../store/errors.ts'
import { Lanes } from './lanes.ts'
import { AsyncQueue } from './queue.ts'

const draft: InvocationDraft = {
  ...{ namespace: 'ns', name: 'fn', method: 'POST', path: '/', headers: [] },
  body: new Uint8Array(10)
}

function aQueue(
  accept: (draft: InvocationDraft) => Promise<boolean> = () => Promise.resolve(true),
  there?: InvocationView
) {
  const lanes = new Lanes()
  const full: string[] = []
  const accepted: string[] = []
  let ids = 0
  const queue = new AsyncQueue({
    store: {
      accept: async given => ({ id: given.id, callId: given.id, acceptedAt: 0, isNew: await accept(given) }),
      get: async () => there
    },
    lanes,
    limits: { maxPerFunction: 3, maxBytes: 100 },
    exists: (_namespace, name) => name !== 'nobody',
    clock: systemClock,
    newId: () => `id-${ids++}`,
    onAccepted: ({ key }) => accepted.push(key),
    onFull: key => full.push(key)
  })
  return { queue, lanes, full, accepted }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (err: unknown) => err
  )
}

describe('queue of asynchronous calls', () => {
  it('takes no call of a function that is not there', async () => {
    const { queue, lanes } = aQueue()
    expect(await failureOf(queue.enqueue({ ...draft, name: 'nobody' }))).to.be.instanceOf(NotFoundError)
    expect([...lanes.all()]).to.deep.equal([])
  })

  it('holds so many calls of one function, those that are being written among them, and no fewer of another', async () => {
    const { queue, full, accepted } = aQueue()
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => failureOf(queue.enqueue(draft))))
    expect(outcomes.map(err => err instanceof QueueFullError)).to.deep.equal([false, false, false, true, true])
    expect(full).to.deep.equal(['ns/fn', 'ns/fn'])
    await queue.enqueue({ ...draft, name: 'other' })
    expect(accepted).to.deep.equal(['ns/fn', 'ns/fn', 'ns/fn', 'ns/other'])
  })

  it('holds so many bytes, half of them of one function', async () => {
    const { queue, lanes } = aQueue()
    // Its headers are two more bytes, `[]`.
    const large = { ...draft, body: new Uint8Array(43) }
    await queue.enqueue(large)
    expect(await failureOf(queue.enqueue(large))).to.be.instanceOf(QueueFullError)
    await queue.enqueue({ ...large, name: 'b' })
    expect(await failureOf(queue.enqueue({ ...large, name: 'c' }))).to.be.instanceOf(QueueFullError)
    expect(lanes.bytes).to.equal(90)
    const headed = aQueue()
    const heavy = { ...draft, headers: ['X-A', 'a'.repeat(50)] }
    expect(await failureOf(headed.queue.enqueue(heavy))).to.be.instanceOf(QueueFullError)
  })

  it('keeps the place of a call that is there though the disk failed when it was to be flushed, and of no other', async () => {
    const fail = () => Promise.reject(new StoreUnavailableError('its log could not be flushed'))
    const lost = aQueue(fail)
    expect(await failureOf(lost.queue.enqueue(draft))).to.be.instanceOf(StoreUnavailableError)
    await new Promise(resolve => setImmediate(resolve))
    expect([lost.lanes.bytes, lost.accepted]).to.deep.equal([0, []])
    const kept = aQueue(fail, { phase: 'queued' } as InvocationView)
    expect(await failureOf(kept.queue.enqueue(draft))).to.be.instanceOf(StoreUnavailableError)
    await new Promise(resolve => setImmediate(resolve))
    expect(kept.lanes.find('ns/fn')?.waiting.queued).to.equal(1)
    expect([kept.lanes.bytes > 0, kept.accepted]).to.deep.equal([true, ['ns/fn']])
  })

  it('does not count what could not be written, or was there already', async () => {
    let outcome: Promise<boolean> = Promise.reject(new Error('the disk is full'))
    outcome.catch(() => undefined)
    const { queue, lanes, accepted } = aQueue(() => outcome)
    for (let i = 0; i < 4; i++) expect(await failureOf(queue.enqueue(draft))).to.be.instanceOf(Error)
    outcome = Promise.resolve(false)
    for (let i = 0; i < 4; i++) expect(await queue.enqueue(draft)).to.include({ isNew: false })
    expect([[...lanes.all()], lanes.bytes, accepted]).to.deep.equal([[], 0, []])
  })
})
