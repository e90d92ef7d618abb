import { expect } from 'chai'
import { QueueFullError } from '../../api/errors.ts'
import { deliverCallback } from '../../src/async/callback.ts'
import { AsyncPlane, Recorder } from '../fixtures/async/plane.ts'
import { eventually } from '../helpers/eventually.ts'

const signal = new AbortController().signal

describe('asynchronous calls: callbacks', () => {
  let plane: AsyncPlane
  let hook: Recorder
  beforeEach(async () => {
    plane = await AsyncPlane.start({ CALLBACK_ATTEMPTS: '2', CALLBACK_TIMEOUT: '200ms' })
    hook = await new Recorder().start()
  })
  afterEach(async () => {
    await plane[Symbol.asyncDispose]()
    await hook.stop()
  })
  const urlOf = (port = hook.port) => `http://127.0.0.1:${port}/hook?t=1`

  it('tells the function’s answer and what became of the call', async () => {
    plane.fn.reply = (_got, res) =>
      void res
        .writeHead(201, { 'Content-Type': 'text/x', 'X-Mine': 'm', 'X-Function-Status': '7', Host: 'evil' })
        .end('result')
    const { id } = await plane.enqueue({ callbackUrl: urlOf(), callId: 'c-1' })
    const view = await plane.until(id, 'done')
    expect(view.callback).to.deep.equal({ origin: `http://127.0.0.1:${hook.port}`, state: 'delivered', attempts: 1 })
    const [got] = hook.received
    expect(got).to.include({ method: 'POST', url: '/hook?t=1', body: 'result' })
    expect(got?.headers).to.include({
      ...{ 'content-type': 'text/x', 'x-mine': 'm', 'x-call-id': 'c-1', 'x-function-name': 'fn' },
      ...{ 'x-function-status': '201', host: `127.0.0.1:${hook.port}`, 'content-length': '6', 'x-retry': '0' },
      ...{ 'x-retry-max': '3' }
    })
    expect(got?.headers['x-duration-seconds']).to.match(/^\d+\.\d{6}$/)
  })

  it('tells after the last attempt that the function failed, or could not be reached: 503', async () => {
    plane.fn.reply = (_got, res) => void res.writeHead(500).end('broken')
    const failed = await plane.enqueue({ callbackUrl: urlOf() })
    expect(await plane.until(failed.id, 'dead')).to.include({ reason: 'AttemptsExhausted', status: 500 })
    expect(hook.received[0]?.headers).to.include({ 'x-function-status': '500', 'x-retry': '2', 'x-retry-max': '3' })
    expect(hook.received[0]?.body).to.equal('broken')
    const route = plane.table.get('openfaas-fn/fn')
    if (route === undefined) throw new Error('there is no route')
    plane.table.put({ ...route, trouble: 'CrashLoopBackOff', endpoints: [] })
    const away = await plane.enqueue({ callbackUrl: urlOf() })
    // The gateway asks for five seconds of patience.
    await eventually(async () => expect(await plane.store.invocations.get(away.id)).to.include({ status: 503 }))
    plane.table.put(route)
  })

  it('Q2: tries a callback that is dead again, then keeps the result as a dead letter that can be told later', async () => {
    await hook.stop()
    const { id } = await plane.enqueue({ callbackUrl: urlOf(9) })
    const view = await plane.until(id, 'dead')
    expect(view).to.include({ reason: 'CallbackFailed', status: 200, attempts: 1 })
    expect(view.callback).to.include({ state: 'failed', attempts: 2, error: 'it could not be reached (ECONNREFUSED)' })
    expect(await plane.metrics()).to.contain('faas_async_callbacks_total{result="retried"} 1')
    expect(await plane.metrics()).to.contain('faas_async_callbacks_total{result="failed"} 1')
    expect(plane.fn.received).to.have.length(1)
    hook = await new Recorder().start()
    await plane.component.desk.requeue({ id })
    await plane.until(id, 'dead')
    expect(plane.fn.received).to.have.length(1)
  })

  it('Q2: gives a slow callback up, and delays no other', async () => {
    // Long enough for a machine that is busy to carry the other one out meanwhile.
    await plane[Symbol.asyncDispose]()
    plane = await AsyncPlane.start({ CALLBACK_ATTEMPTS: '2', CALLBACK_TIMEOUT: '1s' })
    const other = await new Recorder().start()
    try {
      hook.reply = () => undefined
      const slow = await Promise.all(Array.from({ length: 8 }, () => plane.enqueue({ callbackUrl: urlOf() })))
      await plane.deploy('other')
      const quick = await plane.enqueue({ name: 'other', callbackUrl: urlOf(other.port) })
      await plane.until(quick.id, 'done')
      expect(await plane.store.invocations.get(slow[0]?.id ?? '')).to.include({ phase: 'reporting' })
      const first = await plane.until(slow[0]?.id ?? '', 'dead')
      expect(first.callback).to.include({ error: 'it took over 1000 ms', attempts: 2 })
    } finally {
      await other.stop()
    }
  })

  it('Q2: takes a receiver that takes up another protocol for one that fails, and does not wait for it', async () => {
    hook.reply = (_got, res) =>
      void res.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    const { id } = await plane.enqueue({ callbackUrl: urlOf() })
    const view = await plane.until(id, 'dead')
    expect(view.callback).to.include({ error: 'it was answered 101', attempts: 2 })
  })

  it('S32: sends nothing to a private address, by number or by name', async () => {
    await plane[Symbol.asyncDispose]()
    plane = await AsyncPlane.start({ CALLBACK_ALLOWED: '192.0.2.1' })
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      const { id } = await plane.enqueue({ callbackUrl: `http://${host}:${hook.port}/` })
      const view = await plane.until(id, 'dead')
      expect(view.callback).to.include({ state: 'failed', attempts: 1 })
      expect(view.callback?.error).to.match(/which is not allowed$/)
    }
    expect(hook.received).to.deep.equal([])
  })

  it('S32: looks at every address of a name, and connects to one that it looked at', async () => {
    const policy = { networks: ['127.0.0.1/32'], hosts: [], own: () => [] }
    const message = { url: `http://rebound.example:${hook.port}/`, head: [], body: Buffer.from('x'), signal }
    const resolveTo = (...addresses: string[]) => {
      return async () => addresses.map(address => ({ address, family: 4 }))
    }
    const sent = (...addresses: string[]) =>
      deliverCallback(message, { policy, timeoutMs: 1000, resolve: resolveTo(...addresses) })
    expect(await sent('127.0.0.1', '10.0.0.1')).to.deep.include({ ok: false, isFinal: true })
    expect(hook.received).to.deep.equal([])
    // The name exists nowhere: whatever asks the system's resolver again does not get there.
    expect(await sent('127.0.0.1')).to.deep.equal({ ok: true })
    expect(hook.received[0]?.headers['host']).to.equal(`rebound.example:${hook.port}`)
  })

  it('Q2: takes a redirect for a failure, and an answer without end for what its status says', async () => {
    const policy = { networks: ['127.0.0.1/32'], hosts: [], own: () => [] }
    const other = await new Recorder().start()
    const send = () =>
      deliverCallback({ url: urlOf(), head: [], body: Buffer.from('x'), signal }, { policy, timeoutMs: 2000 })
    hook.reply = (_got, res) => void res.writeHead(307, { Location: `http://127.0.0.1:${other.port}/` }).end()
    expect(await send()).to.deep.include({ ok: false, error: 'it was answered 307' })
    expect(other.received).to.deep.equal([])
    await other.stop()
    hook.reply = (_got, res) => {
      const more = () => void (res.write('x'.repeat(16_384)) ? setImmediate(more) : res.once('drain', more))
      more()
    }
    expect(await send()).to.deep.equal({ ok: true })
  })

  it('sends credentials of the URL as such, and cuts an answer that is too large, saying so', async () => {
    await plane[Symbol.asyncDispose]()
    plane = await AsyncPlane.start({ ASYNC_BODY_MAX: '1Ki' })
    plane.fn.reply = (_got, res) => void res.end('y'.repeat(5000))
    const { id } = await plane.enqueue({ callbackUrl: `http://u:p%40w@127.0.0.1:${hook.port}/` })
    await plane.until(id, 'done')
    const [got] = hook.received
    expect(got?.headers).to.include({
      ...{ authorization: `Basic ${Buffer.from('u:p@w').toString('base64')}`, 'x-docker-faas-truncated': '5000' }
    })
    expect(got?.body).to.have.length(1024)
  })

  it('counts answers that wait for their callback: no more is accepted, nor carried out, than there is room for', async () => {
    await plane[Symbol.asyncDispose]()
    plane = await AsyncPlane.start({ ASYNC_QUEUE_BYTES: '1Mi', ASYNC_FUNCTION_CONCURRENCY: '1' })
    hook.reply = (_got, res) => void res.writeHead(500).end()
    plane.fn.reply = (_got, res) => void res.end('y'.repeat(700_000))
    const send = () => plane.enqueue({ callbackUrl: `http://127.0.0.1:${hook.port}/` })
    const all = await Promise.all([send(), send(), send()])
    await eventually(() => expect(hook.received.length).to.be.greaterThan(0))
    const refused = await send().catch((err: unknown) => err)
    expect(refused).to.be.instanceOf(QueueFullError)
    expect(plane.fn.received).to.have.length(1)
    hook.reply = (_got, res) => void res.end()
    for (const { id } of all) await plane.until(id, 'done')
    await plane.enqueue()
  })

  it('writes credentials of the URL down encrypted, and keeps the key that they are under', async () => {
    hook.reply = (_got, res) => void res.writeHead(500).end()
    const { id } = await plane.enqueue({ callbackUrl: `http://ann:s3cret-pw@127.0.0.1:${hook.port}/x` })
    await eventually(() => expect(hook.received).to.have.length(1))
    expect(hook.received[0]?.headers['authorization']).to.contain('Basic ')
    const files = await plane.databaseText()
    expect(files).to.contain(`@127.0.0.1:${hook.port}/x`)
    for (const secret of ['s3cret-pw', 'ann:', Buffer.from('ann:s3cret-pw').toString('base64')]) {
      expect(files, secret).not.to.contain(secret)
    }
    expect((await plane.store.invocations.usedKeyIds()).size).to.equal(1)
    expect((await plane.store.invocations.get(id))?.callback?.origin).to.equal(`http://127.0.0.1:${hook.port}`)
  })
})
