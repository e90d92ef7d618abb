import { expect } from 'chai'
import { StoreUnavailableError } from '../../src/store/errors.ts'
import { WriteAheadLog } from '../../src/store/write-ahead-log.ts'
import { AsyncPlane, QUICK_RETRY } from '../fixtures/async/plane.ts'
import { eventually } from '../helpers/eventually.ts'

describe('asynchronous calls: carrying out', () => {
  let plane: AsyncPlane
  beforeEach(async () => {
    plane = await AsyncPlane.start()
  })
  afterEach(() => plane[Symbol.asyncDispose]())

  it('carries a call out as it came, and once', async () => {
    const headers = [
      'Host',
      'gw.example',
      'X-Mine',
      'a',
      'Connection',
      'x-gone',
      'X-Gone',
      '1',
      'Transfer-Encoding',
      'chunked'
    ]
    const accepted = await plane.enqueue({ path: '/p/q?x=1', headers, callId: 'my-id', remoteAddress: '192.0.2.9' })
    const view = await plane.until(accepted.id, 'done')
    expect(view).to.include({ attempts: 1, status: 200, callId: 'my-id' })
    expect(plane.fn.received).to.have.length(1)
    const [got] = plane.fn.received
    expect(got).to.include({ method: 'POST', url: '/p/q?x=1', body: 'hello' })
    expect(got?.headers).to.include({
      ...{ 'x-mine': 'a', 'x-call-id': 'my-id', 'x-start-time': `${accepted.acceptedAt}000000` },
      ...{ 'x-forwarded-for': '192.0.2.9', 'x-forwarded-host': 'gw.example', 'content-length': '5' }
    })
    expect(got?.headers).not.to.have.any.keys('x-gone', 'transfer-encoding')
  })

  it('tries again what asks for it, with back-off, until it goes well', async () => {
    plane.fn.reply = (_got, res) => {
      res.statusCode = plane.fn.received.length < 3 ? 500 : 201
      res.end()
    }
    const { id } = await plane.enqueue()
    expect(await plane.until(id, 'done')).to.include({ attempts: 3, status: 201 })
    expect(new Set(plane.fn.received.map(({ headers }) => headers['x-call-id'])).size).to.equal(1)
  })

  it('does not try again what was answered otherwise, whatever it says', async () => {
    plane.fn.reply = (_got, res) => {
      res.statusCode = 404
      res.setHeader('X-OpenFaaS-Internal', 'proxy')
      res.end()
    }
    const { id } = await plane.enqueue()
    expect(await plane.until(id, 'done')).to.include({ attempts: 1, status: 404 })
  })

  it('makes a dead letter of one whose attempts are used up; it can be carried out again', async () => {
    plane.fn.reply = (_got, res) => void res.writeHead(502).end()
    const { id } = await plane.enqueue()
    expect(await plane.until(id, 'dead')).to.include({ attempts: 3, status: 502, reason: 'AttemptsExhausted' })
    const [event] = await eventually(async () => {
      const events = await plane.store.events.list({ name: 'fn' })
      expect(events).to.have.length(1)
      return events
    })
    expect(event).to.include({ reason: 'CallDeadLettered', type: 'Warning' })
    expect(event?.message).to.contain('AttemptsExhausted')
    plane.fn.reply = (_got, res) => void res.end()
    expect(await plane.component.desk.requeue({ id })).to.equal(1)
    expect(await plane.until(id, 'done')).to.include({ attempts: 1, status: 200 })
    expect(plane.fn.received).to.have.length(4)
    expect(plane.fn.received[3]?.body).to.equal('hello')
    expect(await plane.metrics()).to.contain(
      'processed_total{function_name="fn.openfaas-fn",result="AttemptsExhausted"} 1'
    )
  })

  it('waits for a function that is there and has no replica yet, and calls one that appears', async () => {
    const route = plane.table.get('openfaas-fn/fn')
    if (route === undefined) throw new Error('there is no route')
    plane.table.put({ ...route, endpoints: [] })
    const { id } = await plane.enqueue()
    await eventually(async () => expect(await plane.store.invocations.get(id)).to.include({ phase: 'running' }))
    plane.table.put(route)
    expect(await plane.until(id, 'done')).to.include({ attempts: 1 })
  })

  it('carries out no more of a function at a time than it asks for, and lets none wait for another', async () => {
    await plane.deploy('slow', { ...QUICK_RETRY, asyncConcurrency: 2 })
    const held: (() => void)[] = []
    let most = 0
    plane.fn.reply = (got, res) => {
      if (got.url !== '/slow') return void res.end()
      held.push(() => res.end())
      most = Math.max(most, held.length)
    }
    const slow = await Promise.all(Array.from({ length: 30 }, () => plane.enqueue({ name: 'slow', path: '/slow' })))
    await eventually(() => expect(held).to.have.length(2))
    const quick = await Promise.all(Array.from({ length: 30 }, () => plane.enqueue()))
    for (const { id } of quick) await plane.until(id, 'done')
    expect(most).to.equal(2)
    const queued = ['openfaas-fn/slow', 'openfaas-fn/fn', 'openfaas-fn/none'].map(plane.component.queuedOf)
    expect(queued, 'waiting and running ones count for com.openfaas.scale.type=queue').to.deep.equal([30, 0, 0])
    expect(await plane.metrics()).to.contain('queue_worker_pending_messages{function_name="slow.openfaas-fn"} 28')
    expect(await plane.metrics()).to.contain(
      'queue_worker_function_invocation_inflight{function_name="slow.openfaas-fn"} 2'
    )
    expect(await plane.metrics()).to.match(/faas_async_oldest_seconds\{function_name="slow.openfaas-fn"\} [\d.]*[1-9]/)
    const done = setInterval(() => {
      for (const end of held.splice(0)) end()
    }, 5)
    for (const { id } of slow) await plane.until(id, 'done')
    clearInterval(done)
    expect(most).to.equal(2)
  })

  it('shares what there is among functions, however many calls of one came first', async () => {
    await plane[Symbol.asyncDispose]()
    plane = await AsyncPlane.start({ ASYNC_CONCURRENCY: '4', ASYNC_FUNCTION_CONCURRENCY: '4' })
    await plane.deploy('late')
    const order: string[] = []
    plane.fn.reply = (got, res) => {
      order.push(got.url)
      setImmediate(() => res.end())
    }
    const all = Array.from({ length: 200 }, () => plane.enqueue({ path: '/first' }))
    await Promise.all(all)
    const late = await Promise.all(Array.from({ length: 10 }, () => plane.enqueue({ name: 'late', path: '/late' })))
    for (const { id } of late) await plane.until(id, 'done')
    await eventually(() => expect(order).to.have.length(210))
    expect(order.lastIndexOf('/late')).to.be.lessThan(200)
  })

  it('cancels a call that waits, and one that runs', async () => {
    await plane.deploy('fn', { ...QUICK_RETRY, asyncConcurrency: 1 })
    let isLeft = false
    plane.fn.reply = (_got, res) => void res.once('close', () => (isLeft = true))
    const running = await plane.enqueue({ callId: 'same' })
    const waiting = await plane.enqueue({ callId: 'same' })
    await eventually(() => expect(plane.fn.received).to.have.length(1))
    expect(await plane.component.desk.cancel('same', new Set(['other']))).to.equal(0)
    expect(await plane.component.desk.cancel('same', 'all')).to.equal(2)
    await plane.until(running.id, 'cancelled')
    await plane.until(waiting.id, 'cancelled')
    await eventually(() => expect(isLeft).to.equal(true))
    plane.fn.reply = (_got, res) => void res.end()
    await plane.until((await plane.enqueue()).id, 'done')
    expect(plane.fn.received).to.have.length(2)
  })

  it('makes dead letters of the calls of a function that is deleted, and keeps those of one that is deployed anew', async () => {
    const object = await plane.store.functions.get('openfaas-fn/fn')
    const uid = object?.metadata.uid ?? ''
    plane.table.retire('openfaas-fn/fn', uid)
    await plane.deploy('other')
    // It is still written down, so its calls are taken and wait.
    const { id } = await plane.enqueue()
    await plane.store.functions.markDeleted('openfaas-fn/fn')
    await plane.until((await plane.enqueue({ name: 'other' })).id, 'done')
    expect(await plane.store.invocations.get(id)).to.include({ phase: 'queued' })
    await plane.store.functions.remove('openfaas-fn/fn', uid)
    expect(await plane.until(id, 'dead')).to.include({ reason: 'FunctionDeleted', attempts: 0, status: 404 })
  })

  it('goes on after a restart with what waited, and with what was under way', async () => {
    let isHeld = true
    plane.fn.reply = (_got, res) => (isHeld ? undefined : void res.end())
    const all = await Promise.all(Array.from({ length: 20 }, () => plane.enqueue()))
    await eventually(() => expect(plane.fn.received).to.have.length(10))
    await plane.stop()
    isHeld = false
    await plane.start()
    for (const { id } of all) expect(await plane.until(id, 'done')).to.include({ attempts: 1 })
    expect(plane.fn.received).to.have.length(30)
  })

  it('carries a call out that was refused as the disk could not flush it, once, and what was put back meanwhile', async () => {
    const { flush } = WriteAheadLog.prototype
    plane.fn.reply = (_got, res) => void res.writeHead(plane.fn.received.length === 1 ? 500 : 200).end()
    await plane.deploy('fn', { retry: { attempts: 1, codes: [500], minWaitMs: 5, maxWaitMs: 20 } })
    const { id } = await plane.enqueue()
    await plane.until(id, 'dead')
    WriteAheadLog.prototype.flush = () => Promise.reject(new StoreUnavailableError('EIO'))
    try {
      const refused = await Promise.allSettled([plane.enqueue(), plane.component.desk.requeue({})])
      expect(refused.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
      await eventually(() => expect(plane.fn.received).to.have.length(3))
      await plane.until(id, 'done')
    } finally {
      WriteAheadLog.prototype.flush = flush
    }
  })

  it('does not lose the call whose outcome cannot be written down', async () => {
    const { invocations } = plane.store
    const settle = invocations.settle.bind(invocations)
    let failures = 0
    invocations.settle = (...args) =>
      failures++ === 0 ? Promise.reject(new Error('the disk is full')) : settle(...args)
    const { id } = await plane.enqueue()
    expect(await plane.until(id, 'done')).to.include({ attempts: 1 })
    expect(failures).to.equal(2)
    expect(plane.fn.received).to.have.length(1)
  })

  it('asks nothing of the database while there is nothing to do', async () => {
    await plane.until((await plane.enqueue()).id, 'done')
    const { invocations } = plane.store
    let asked = 0
    for (const name of ['claim', 'settle', 'renew', 'takeBack', 'counts', 'oldest'] as const) {
      const call = invocations[name].bind(invocations) as (...args: unknown[]) => unknown
      const counted = (...args: unknown[]) => {
        asked++
        return call(...args)
      }
      Object.assign(invocations, { [name]: counted })
    }
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(asked).to.equal(0)
  })

  it('tells nothing of what is in a call, in its log and metrics', async () => {
    plane.fn.reply = (_got, res) => void res.writeHead(500, { 'X-Canary': 'canary-answer' }).end('canary-answer')
    const callbackUrl = `http://user:canary-password@127.0.0.1:1/canary-path?token=canary-query`
    const headers = ['Host', 'x', 'Authorization', 'canary-header']
    const { id } = await plane.enqueue({
      headers,
      body: Buffer.from('canary-body'),
      path: '/?q=canary-url',
      callbackUrl
    })
    await plane.until(id, 'reporting')
    await eventually(async () =>
      expect(await plane.store.invocations.get(id)).to.have.nested.property('callback.error')
    )
    const view = JSON.stringify(await plane.store.invocations.get(id))
    for (const text of [plane.log.join(''), await plane.metrics(), view]) expect(text).not.to.contain('canary')
    expect(plane.log.join('')).to.contain('Dead-lettered asynchronous call')
  })
})
