import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { Condition } from '../../api/condition.ts'
import type { EventDraft } from '../../src/store/store.ts'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { anEnvironment, runCli, startCli } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'

const KEY = 'openfaas-fn/hello'

describe('docker-faas, functions', () => {
  let api: ApiServer
  let env: Record<string, string>
  beforeEach(async () => {
    api = await startApi()
    env = { DOCKER_FAAS_GATEWAY: api.url, AUTH_PASSWORD: PASSWORD }
    await put('hello')
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const put = (name: string, image = 'hello:1') =>
    api.request('POST', '/v1/functions', { metadata: { name }, spec: { image } })
  const run = (...args: string[]) => runCli(args, { env })
  const start = (...args: string[]) => startCli(args, anEnvironment({ env }))

  /** What a pass of the loop would write. */
  async function setReady(ready: boolean, readyReplicas = 1): Promise<void> {
    const object = await api.store.functions.get(KEY)
    if (object === undefined) throw new Error('hello is not there')
    const condition = (type: Condition['type'], isTrue: boolean): Condition => ({
      ...{ type, status: isTrue ? 'True' : 'False', reason: ready ? 'ReplicasReady' : 'WaitingForReadiness' },
      ...{ message: `it is ${ready ? '' : 'not '}ready`, lastTransitionTime: '2026-01-01T00:00:00.000Z' }
    })
    await api.store.functions.putStatus(KEY, object.metadata.uid, {
      ...object.status,
      ...{ observedGeneration: object.metadata.generation, readyReplicas, replicas: readyReplicas },
      conditions: [condition('Ready', ready), condition('Progressing', !ready), condition('Degraded', false)]
    })
  }

  async function setFault(reason: Condition['reason']): Promise<void> {
    await setReady(false, 0)
    const object = await api.store.functions.get(KEY)
    if (object === undefined) throw new Error('hello is not there')
    const conditions = object.status.conditions.map(
      (condition): Condition => ({
        ...{ ...condition, reason, message: 'it is broken' },
        status: condition.type === 'Degraded' ? 'True' : 'False'
      })
    )
    await api.store.functions.putStatus(KEY, object.metadata.uid, { ...object.status, conditions })
  }

  it('waits for a condition, shows how far it is, and ends as soon as it is so', async () => {
    const { done, stderr } = start('wait', 'hello', '--for=condition=Ready', '--timeout', '20s')
    await eventually(() => expect(stderr()).to.contain('generation 1 was not looked at yet'))
    await setReady(false, 0)
    await eventually(() => expect(stderr()).to.contain('0 of 1 replicas ready: WaitingForReadiness: it is not ready'))
    await setReady(true)
    expect(await done).to.include({ code: 0, stdout: 'function/hello met condition=Ready\n' })
  })

  it('does not take a condition of an older generation for one of now', async () => {
    await setReady(true)
    await put('hello', 'hello:2')
    const late = await run('wait', 'hello', '--for=condition=Ready', '--timeout', '300ms')
    expect(late.code).to.equal(6)
    expect(late.stderr).to.contain('not condition=Ready within 0.3 s').and.contain('generation 2 was not looked at yet')
  })

  it('says which function is not there to wait for, and waits for one to be gone', async () => {
    const missing = await run('wait', 'hello', 'other', '--for=condition=Ready')
    expect([missing.code, missing.stderr]).to.deep.equal([
      3,
      'docker-faas: function other is not there in namespace openfaas-fn\n'
    ])
    const { done, stderr } = start('wait', 'function/hello', '--for=delete')
    await eventually(() => expect(stderr()).to.not.equal(''))
    await api.request('DELETE', '/v1/functions/hello')
    const { uid } = (await api.request('GET', '/v1/functions/hello')).json.metadata
    await api.store.functions.remove(KEY, uid)
    expect(await done).to.include({ code: 0, stdout: 'function/hello met delete\n' })
  })

  it('ends early, with the reason, when only a person can mend it, and not when somebody has just done so', async () => {
    const begun = Date.now()
    const commands = [
      ['rollout', 'status', 'hello'],
      ['wait', 'hello', '--for=condition=Ready'],
      ['scale', 'hello', '--replicas', '2', '--wait']
    ].map(args => start(...args, '--timeout', '5m'))
    await eventually(async () => expect((await api.store.functions.get(KEY))?.spec.replicas).to.equal(2))
    await setFault('ImageNotFound')
    for (const { done } of commands) {
      const { code, stderr } = await done
      expect([code, stderr]).to.satisfy(
        ([code, said]: [number, string]) =>
          code === 1 && /waiting does not help:\s.*0 of 2 replicas ready: ImageNotFound: it is broken$/m.test(said)
      )
    }
    expect(Date.now() - begun).to.be.lessThan(60_000)
    const { done, stderr } = start('rollout', 'status', 'hello', '--timeout', '5m')
    await eventually(() => expect(stderr()).to.contain('ImageNotFound'))
    await setReady(true, 2)
    expect(await done).to.include({ code: 0 })
  })

  it('rewrites one line on a terminal, and takes it away in the end', async () => {
    const environment = anEnvironment({ env, isTTY: true })
    const { done } = startCli(['rollout', 'status', 'hello', '--timeout', '20s'], environment)
    await eventually(() => expect(environment.stderr.text).to.contain('not looked at yet'))
    await setReady(true)
    const { code, stdout, stderr } = await done
    expect([code, stdout]).to.deep.equal([0, 'function/hello is as wanted: generation 1, 1 replica ready\n'])
    expect(stderr).to.equal('\r\u001b[Khello: generation 1 was not looked at yet\r\u001b[K')
  })

  it('scales, and waits until the replicas are there', async () => {
    const { done, stdout } = start('scale', 'hello', '--replicas', '2', '--wait', '--timeout', '20s')
    await eventually(() => expect(stdout()).to.equal('function/hello scaled to 2\n'))
    await setReady(true, 2)
    expect((await done).stdout).to.contain('function/hello has its replicas\n')
    expect((await api.store.functions.get(KEY))?.spec.replicas).to.equal(2)
    const far = await run('scale', 'hello', '--replicas', '99')
    expect(far.code).to.equal(1)
    expect(far.stderr).to.contain('replicas')
    expect((await run('scale', 'hello', '--replicas', 'two')).code).to.equal(2)
    expect((await run('scale', 'none', '--replicas', '2')).code).to.equal(3)
  })

  it('lists revisions, goes back to one, and restarts', async () => {
    await put('hello', 'hello:2')
    const history = await run('rollout', 'history', 'hello')
    expect(history.stdout.split('\n').map(line => line.split(/ {2,}/))).to.deep.equal([
      ['REVISION', 'AGE', 'IMAGE', 'CHANGED'],
      ['1', '0s', 'hello:1', '-'],
      ['2', '0s', 'hello:2', 'image'],
      ['']
    ])
    expect((await run('rollout', 'history', 'hello', '--revision', '1')).stdout).to.contain('image: hello:1\n')
    expect(await run('rollout', 'history', 'hello', '--revision', '7')).to.deep.include({ code: 3 })
    const undone = await run('rollout', 'undo', 'hello')
    expect(undone.stdout).to.equal('function/hello rolled back to the revision before\n')
    const spec = async () => (await api.store.functions.get(KEY))?.spec
    expect((await spec())?.image).to.equal('hello:1')
    await run('rollout', 'undo', 'hello', '--to-revision', '2')
    expect((await spec())?.image).to.equal('hello:2')
    expect((await run('rollout', 'restart', 'hello.openfaas-fn')).stdout).to.equal('function/hello restarted\n')
    expect((await spec())?.restartedAt).to.be.a('string')
  })

  it('prints what functions use', async () => {
    const { stdout } = await run('top', 'functions', '--sort', 'name', '-o', 'json')
    expect(JSON.parse(stdout).items[0]).to.deep.include({ replicas: 1, invocationCount: 0 })
    expect((await run('top', '-A')).stdout).to.match(/^NAMESPACE +NAME +CPU .*\nopenfaas-fn +hello +/)
    expect((await run('top', '--sort', 'beauty')).code).to.equal(2)
  })

  const record = (rest: Partial<EventDraft> = {}) =>
    api.store.events.record({
      ...{ namespace: 'team-b', name: 'hi', uid: 'u', type: 'Normal', reason: 'Created', message: 'made it' },
      ...rest
    })

  it('refuses a --since that is no time with the name of the option, and shows durations as people write them', async () => {
    for (const command of ['events', 'logs']) {
      const { code, stderr } = await run(command, 'hi', '--since', 'soon')
      expect([code, stderr.split('\n')[0]]).to.deep.equal([
        2,
        "error: option '--since <time>' argument 'soon' is invalid. It must be a time (RFC 3339) or a duration such as 5m."
      ])
    }
    for (const command of ['rollout status', 'scale', 'apply', 'delete']) {
      expect((await run(...command.split(' '), '--help')).stdout).to.contain('(default: 5m)')
    }
    expect((await run('wait', '--help')).stdout).to.contain('(default: 30s)')
  })

  it('prints events, the oldest first, without what commands a terminal', async () => {
    await record()
    await record({ type: 'Warning', reason: 'ReplicaExited', message: 'said \u001b]0;x\u0007' })
    await record({ namespace: 'team-a', name: 'other', uid: 'v' })
    const { stdout } = await run('events', '-n', 'team-b')
    expect(stdout).to.match(
      /^LAST SEEN +TYPE +REASON +FUNCTION +COUNT +MESSAGE\n.*Created.*\n.*ReplicaExited +hi +1 +said \\x1b\]0;x\\x07\n$/
    )
    expect((await run('events', '-A', '-o', 'name')).stdout.split('\n')).to.have.length(5)
    expect((await run('events', 'hi.team-b', '--type', 'Warning')).stdout).to.not.contain('Created')
    expect((await run('events', 'hi', '-n', 'team-b', '--since', '1h', '-o', 'json')).stdout).to.contain(
      'ReplicaExited'
    )
    expect((await run('events', 'hello', '-A')).code).to.equal(2)
    expect((await run('events', 'none')).stderr).to.equal('there are no such events\n')
  })

  it('prints a row for each event that comes, with its time, after those that were there', async () => {
    const token = await api.request('POST', '/v1/tokens', { name: 't', scopes: ['read'] })
    await record()
    const given = { DOCKER_FAAS_GATEWAY: api.url, DOCKER_FAAS_TOKEN: token.json.token }
    const { stdout, done } = startCli(['events', '-w', '-A', '--reason', 'OOMKilled'], anEnvironment({ env: given }))
    await eventually(() => expect(stdout()).to.match(/^LAST SEEN +TYPE +REASON +FUNCTION +COUNT +MESSAGE\n$/))
    await record({ type: 'Warning', reason: 'OOMKilled', message: 'two\nlines' })
    await eventually(() => expect(stdout()).to.match(/\n20\S+Z +Warning +OOMKilled +hi\.team-b +1 +two\\x0alines\n$/))
    await api.request('DELETE', '/v1/tokens/t')
    expect((await done).code).to.equal(4)
  })

  it('goes on with events, each once, until the credentials are good no longer', async () => {
    const token = await api.request('POST', '/v1/tokens', { name: 't', scopes: ['read'] })
    await record()
    const given = { DOCKER_FAAS_GATEWAY: api.url, DOCKER_FAAS_TOKEN: token.json.token }
    const { stdout, done } = startCli(['events', '-w', '-n', 'team-b', '-o', 'json'], anEnvironment({ env: given }))
    const told = () =>
      stdout()
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line).message)
    await eventually(() => expect(told()).to.deep.equal(['made it']))
    await record({ message: 'again' })
    await eventually(() => expect(told()).to.deep.equal(['made it', 'again']))
    await api.request('DELETE', '/v1/tokens/t')
    expect((await done).code).to.equal(4)
    expect(told()).to.deep.equal(['made it', 'again'])
  })
})

/** What a gateway answers on `/system/logs`, one after the other; it keeps the last one open. */
async function logServer(answers: readonly ((res: ServerResponse, query: URLSearchParams) => void)[]) {
  const asked: URLSearchParams[] = []
  const server = createServer((req, res) => {
    const query = new URL(req.url ?? '', 'http://x').searchParams
    asked.push(query)
    const answer = answers[asked.length - 1]
    if (answer === undefined) res.writeHead(404).end('function hello not found')
    else answer(res, query)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close }
}

describe('docker-faas logs', () => {
  const line = (at: string, text: string, instance = 'hello-0') =>
    `${JSON.stringify({ name: 'hello', namespace: 'openfaas-fn', instance, timestamp: at, text })}\n`
  const ONE = line('2026-01-01T00:00:01.000000001Z', 'one')
  const TWO = line('2026-01-01T00:00:02Z', 'two', 'hello-1')
  const THREE = line('2026-01-01T00:00:03Z', 'three \u001b[31m')
  const given = (url: string) => ({ env: { DOCKER_FAAS_GATEWAY: url, DOCKER_FAAS_TOKEN: 't' } })

  it('goes on after the stream broke off and tells no line twice, until the function is gone', async () => {
    await using server = await logServer([
      res => void res.write(ONE + TWO, () => res.destroy()),
      res => void res.writeHead(503).end('the gateway starts'),
      res => void res.end(ONE + TWO + THREE)
    ])
    const { code, stdout, stderr } = await runCli(['logs', 'hello', '-f', '--tail', '9'], given(server.url))
    expect(stdout).to.equal('hello-0 | one\nhello-1 | two\nhello-0 | three \u001b[31m\n')
    expect([code, stderr]).to.deep.equal([0, 'function hello is gone\n'])
    expect(server.asked.map(query => [query.get('tail'), query.get('since')])).to.deep.equal([
      ['9', null],
      [null, '2025-12-31T23:59:57.000Z'],
      [null, '2025-12-31T23:59:57.000Z'],
      [null, '2025-12-31T23:59:58.000Z']
    ])
  })

  it('prints times, no names, JSON, and to a terminal nothing that commands it', async () => {
    await using server = await logServer(Array.from({ length: 4 }, () => (res: ServerResponse) => void res.end(THREE)))
    const logs = async (isTTY: boolean, ...args: string[]) =>
      (await runCli(['logs', 'hello', ...args], { ...given(server.url), isTTY })).stdout
    expect(await logs(false, '--timestamps', '--no-prefix')).to.equal('2026-01-01T00:00:03Z three \u001b[31m\n')
    expect(await logs(false, '-o', 'json', '--instance', 'hello-0')).to.equal(THREE)
    expect(await logs(true, '--no-prefix')).to.equal('three \\x1b[31m\n')
    expect((await logs(true)).replaceAll('\u001b', 'ESC')).to.match(/^ESC\[\d+mhello-0ESC\[39m \| three \\x1b\[31m\n$/)
    expect(server.asked.map(query => query.get('follow'))).to.deep.equal(['false', 'false', 'false', 'false'])
    expect(server.asked[1]?.get('instance')).to.equal('hello-0')
  })

  it('ends with what the gateway says when it refuses at first', async () => {
    await using server = await logServer([])
    const { code, stderr } = await runCli(['logs', 'hello', '-f'], given(server.url))
    expect([code, stderr]).to.deep.equal([3, 'docker-faas: the gateway answered 404: function hello not found\n'])
  })
})
