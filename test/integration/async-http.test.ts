import { expect } from 'chai'
import { Recorder } from '../fixtures/async/plane.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'
import { talk } from '../helpers/raw-http.ts'

const BASIC = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`

describe('asynchronous calls: over HTTP', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  let hook: Recorder

  before(async () => {
    hook = await new Recorder().start()
    gateway = await TestGateway.start({ ASYNC_BODY_MAX: '64Ki', ASYNC_QUEUE_MAX: '20', CALLBACK_ALLOWED: '127.0.0.1' })
    const image = await testkitImage()
    await gateway.apply('echo', { image })
    const annotations = { 'com.openfaas.retry.attempts': '1', 'com.docker-faas.async.concurrency': '1' }
    await gateway.apply('slow', { image }, { annotations })
    await Promise.all(['echo', 'slow'].map(name => gateway.converged(name)))
  })
  after(async () => {
    await gateway.close()
    await hook.stop()
  })

  const post = async (
    path: string,
    headers: Record<string, string> = {},
    body: string | null = 'hello',
    method = 'POST'
  ) =>
    await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
      ...{ method, body: method === 'GET' ? null : body },
      headers: { Authorization: BASIC, ...headers }
    })
  const until = (id: string | null, phase: string) =>
    eventually(async () => {
      const view = JSON.parse((await gateway.call('GET', `/v1/invocations/${id}`)).text)
      if (view.phase !== phase) throw new Error(`it is ${JSON.stringify(view)}`)
      return view
    })
  const echoed = (index: number) => JSON.parse(hook.received[index]?.body ?? '{}')

  it('accepts with 202, an id and no body; the function gets all but the credentials of the gateway', async () => {
    const callback = { 'X-Callback-Url': `http://me:s3cret@127.0.0.1:${hook.port}/` }
    for (const path of ['/async-function/echo.openfaas-fn/p/q?x=1', '/system/function-async/echo/p/q?x=1']) {
      const answer = await post(path, { ...callback, 'X-Mine': 'm', 'Content-Type': 'text/x' })
      expect([answer.status, await answer.text()]).to.deep.equal([202, ''])
      const id = answer.headers.get('x-invocation-id')
      expect(answer.headers.get('x-call-id')).to.equal(id)
      expect(answer.headers.get('x-start-time')).to.match(/^\d{19}$/)
      expect(await until(id, 'done')).to.include({ name: 'echo', status: 200, path: '/p/q', attempts: 1 })
      const { method, url, headers, body } = echoed(hook.received.length - 1)
      expect({ method, url, body }).to.deep.equal({ method: 'POST', url: '/p/q?x=1', body: 'hello' })
      expect(headers).to.include({
        'x-mine': 'm',
        'content-type': 'text/x',
        'x-call-id': id,
        'x-forwarded-for': '127.0.0.1'
      })
      expect(headers['x-start-time']).to.equal(answer.headers.get('x-start-time'))
      expect(JSON.stringify(headers)).not.to.contain(BASIC).and.not.to.contain('s3cret')
      expect(headers).to.include({ 'x-callback-url': `http://127.0.0.1:${hook.port}/` })
      expect(hook.received.at(-1)?.headers).to.include({ 'x-function-status': '200', 'x-function-name': 'echo' })
    }
  })

  it('keeps the X-Call-Id of the client, also when another call has the same', async () => {
    const answers = await Promise.all([0, 1].map(() => post('/async-function/echo', { 'X-Call-Id': 'mine' })))
    for (const answer of answers) {
      expect(answer.headers.get('x-call-id')).to.equal('mine')
      await until(answer.headers.get('x-invocation-id'), 'done')
    }
    const list = JSON.parse((await gateway.call('GET', '/v1/invocations?callId=mine&function=echo')).text)
    expect(list.items.map((item: { id: string }) => item.id)).to.have.members(
      answers.map(a => a.headers.get('x-invocation-id'))
    )
  })

  it('carries out what a client of HTTP/1.0 sends, which names no host', async () => {
    const request = `POST /async-function/echo HTTP/1.0\r\nAuthorization: ${BASIC}\r\nContent-Length: 2\r\n\r\nhi`
    const { said: answer } = await talk(gateway.port, request)
    expect(answer).to.match(/^HTTP\/1\.[01] 202 /)
    const [, id = ''] = /x-invocation-id: (\S+)/i.exec(answer) ?? []
    expect(await until(id, 'done')).to.include({ name: 'echo', status: 200 })
  })

  it('takes a body that is sent in chunks, and one that waits for 100 Continue', async () => {
    const stream = new ReadableStream({
      start: controller => {
        controller.enqueue(new TextEncoder().encode('in '))
        controller.enqueue(new TextEncoder().encode('chunks'))
        controller.close()
      }
    })
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/async-function/echo`, {
      ...{ method: 'POST', body: stream, duplex: 'half' },
      headers: { Authorization: BASIC }
    } as RequestInit)
    expect(answer.status).to.equal(202)
    expect(await until(answer.headers.get('x-invocation-id'), 'done')).to.include({ bodyBytes: 9 })
  })

  it('refuses what cannot be carried out, and says why', async () => {
    const large = 'x'.repeat(64 * 1024 + 1)
    const cases: [Promise<Response>, number, RegExp][] = [
      [post('/async-function/nobody'), 404, /nobody not found/],
      [post('/async-function/echo', { Authorization: '' }), 401, /credentials/],
      [post('/async-function/echo', {}, null, 'GET'), 405, /POST/],
      [post('/async-function/echo', {}, 'x', 'PUT'), 405, /POST/],
      [post('/async-function/'), 400, /path/],
      [post('/async-function/echo', { 'X-Callback-Url': 'nowhere' }), 400, /X-Callback-Url/],
      [post('/async-function/echo', { 'X-Callback-Url': 'http://169.254.169.254/' }), 400, /CALLBACK_ALLOWED/],
      [post('/async-function/echo', {}, large), 413, /65536/]
    ]
    for (const [call, status, text] of cases) {
      const answer = await call
      expect(answer.status).to.equal(status)
      expect(await answer.text()).to.match(text)
    }
    expect((await post('/async-function/echo', {}, null, 'GET')).headers.get('allow')).to.equal('POST')
  })

  it('answers 429 when too much waits, cancels by call id, and takes calls again', async () => {
    const accepted: string[] = []
    let refused: Response | undefined
    while (refused === undefined && accepted.length < 30) {
      const answer = await post('/async-function/slow?delayMs=20000', { 'X-Call-Id': 'full' })
      if (answer.status === 202) accepted.push(answer.headers.get('x-invocation-id') ?? '')
      else refused = answer
    }
    expect(accepted).to.have.length(20)
    expect([refused?.status, refused?.headers.get('retry-after')]).to.deep.equal([429, '5'])
    expect(await gateway.metrics()).to.contain('faas_async_refused_total{function_name="slow.openfaas-fn"} 1')
    expect((await post('/async-function/echo')).status).to.equal(202)
    const running = await gateway.call('GET', '/v1/invocations?function=slow&phase=running')
    expect(JSON.parse(running.text).items).to.have.length(1)
    expect((await gateway.call('DELETE', '/async-function/full')).status).to.equal(202)
    expect((await gateway.call('DELETE', '/async-function/full')).status).to.equal(404)
    for (const id of accepted) await until(id, 'cancelled')
    const next = await post('/async-function/slow')
    await until(next.headers.get('x-invocation-id'), 'done')
  })

  it('shows dead letters, puts them back one by one or all, and removes them', async () => {
    const answers = await Promise.all([0, 1].map(() => post('/async-function/slow?status=500')))
    const [id, other] = answers.map(answer => answer.headers.get('x-invocation-id'))
    expect(await until(id ?? null, 'dead')).to.include({ reason: 'AttemptsExhausted', status: 500, attempts: 1 })
    await until(other ?? null, 'dead')
    expect((await gateway.call('POST', `/v1/invocations/${id}/requeue`)).status).to.equal(202)
    await until(id ?? null, 'dead')
    const all = await gateway.call('POST', '/v1/invocations/requeue?function=slow')
    expect([all.status, JSON.parse(all.text)]).to.deep.equal([202, { requeued: 2 }])
    await until(id ?? null, 'dead')
    await until(other ?? null, 'dead')
    expect((await gateway.call('DELETE', `/v1/invocations/${id}`)).status).to.equal(204)
    expect((await gateway.call('GET', `/v1/invocations/${id}`)).status).to.equal(404)
    expect(JSON.parse((await gateway.call('DELETE', '/v1/invocations?function=slow')).text)).to.deep.equal({
      purged: 1
    })
    const done = JSON.parse((await gateway.call('GET', '/v1/invocations?phase=done&limit=1')).text).items[0]
    expect((await gateway.call('POST', `/v1/invocations/${done.id}/requeue`)).status).to.equal(409)
    expect((await gateway.call('DELETE', `/v1/invocations/${done.id}`)).status).to.equal(409)
  })

  it('takes calls by worker processes, too, and knows their clients', async () => {
    await gateway.stop()
    await gateway.start({ GATEWAY_WORKERS: '2' })
    const seen = hook.received.length
    const answer = await post('/async-function/echo', { 'X-Callback-Url': `http://127.0.0.1:${hook.port}/` })
    expect(answer.status).to.equal(202)
    await until(answer.headers.get('x-invocation-id'), 'done')
    const { headers } = echoed(seen)
    expect(headers).to.include({ 'x-forwarded-for': '127.0.0.1' })
    expect(JSON.stringify(headers)).not.to.match(/Basic|peer/)
    expect((await post('/async-function/echo', { Authorization: '' })).status).to.equal(401)
    expect((await gateway.call('DELETE', '/async-function/nothing')).status).to.equal(404)
  })
})
