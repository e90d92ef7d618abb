import { expect } from 'chai'
import type { InvocationView } from '../../api/invocation.ts'
import { Recorder } from '../fixtures/async/plane.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { testkitImage } from '../helpers/images.ts'
import { Installation } from './installation.ts'

/** Each costs a start of the program, so that there are few by day; a tenth of what the store gets at night. */
const KILLS = Math.ceil(Number(process.env['KILLS'] ?? 60) / 10)
const CONCURRENCY = 8
const CLIENTS = 6
/** More than there are kills, so that those that were interrupted have some left. */
const ATTEMPTS = 100

const annotations = (attempts: number) => ({
  'com.openfaas.retry.attempts': String(Math.min(ATTEMPTS, attempts)),
  'com.openfaas.retry.min_wait': '20ms',
  'com.openfaas.retry.max_wait': '20ms'
})

describe('asynchronous calls of a gateway that is killed', function () {
  this.timeout(60_000 + KILLS * 10_000)
  const run = useTestRun()
  let on: Installation
  let hook: Recorder

  before(async () => {
    hook = await new Recorder().start()
    const env = { ASYNC_FUNCTION_CONCURRENCY: String(CONCURRENCY), CALLBACK_ALLOWED: '127.0.0.1' }
    on = await Installation.create({ docker: run().docker, env })
    await on.start().listening()
    const image = await testkitImage()
    for (const [name, attempts] of Object.entries({ works: ATTEMPTS, fails: 2 })) {
      await on.process.call('POST', '/v1/functions', {
        metadata: { name: `${on.functionName}-${name}`, annotations: annotations(attempts) },
        spec: { image }
      })
    }
    for (const name of ['works', 'fails']) {
      const path = `/function/${on.functionName}-${name}`
      await eventually(async () => expect((await on.process.call('GET', path)).status).to.equal(200), {
        timeoutMs: 20_000
      })
    }
  })
  after(async () => {
    await on.close()
    await hook.stop()
  })

  /** Calls until the process is dead; gives the ids of those that were accepted. */
  async function submitUntilDead(path: string, headers: Record<string, string> = {}): Promise<string[]> {
    const accepted: string[] = []
    try {
      const url = `http://127.0.0.1:${await on.process.listening()}/async-function/${on.functionName}-${path}`
      for (;;) {
        const answer = await fetch(url, { method: 'POST', body: 'x'.repeat(500), headers })
        if (answer.status === 202) accepted.push(answer.headers.get('x-invocation-id') ?? '')
      }
    } catch {
      // It was killed, also before it came up: what it did not say it accepted, nobody counts on.
    }
    return accepted
  }

  const show = async (id: string): Promise<InvocationView> =>
    JSON.parse((await on.process.call('GET', `/v1/invocations/${id}`)).text)

  it('Q1: carries out, or dead-letters, every call that it accepted; again only those that were under way', async () => {
    const works: string[] = []
    const fails: string[] = []
    const callback = { 'X-Callback-Url': `http://127.0.0.1:${hook.port}/` }
    for (let kill = 0; kill < KILLS; kill++) {
      // The n-th commit or call of the engine from now on, before, in the middle of or after it.
      on.arm(3 + ((kill * 17) % 60))
      const clients = Array.from({ length: CLIENTS }, () => submitUntilDead('works?delayMs=20', callback))
      const failing = submitUntilDead('fails?status=500')
      await on.killed
      works.push(...(await Promise.all(clients)).flat())
      fails.push(...(await failing))
      on.arm(0)
      await on.start().listening()
    }
    expect(works.length, 'accepted').to.be.greaterThan(KILLS * 3)
    expect(fails.length, 'accepted').to.be.greaterThan(0)
    let again = 0
    for (const id of works) {
      const view = await eventually(async () => {
        const now = await show(id)
        if (now.phase !== 'done') throw new Error(`${id} is ${JSON.stringify(now)}`)
        return now
      })
      expect(view).to.deep.include({ status: 200 })
      expect(view.callback?.state).to.equal('delivered')
      again += view.attempts - 1
    }
    for (const id of fails) {
      await eventually(async () => expect(await show(id)).to.include({ phase: 'dead' }))
      expect(['AttemptsExhausted', 'Interrupted']).to.include((await show(id)).reason)
    }
    expect(again, 'attempts beyond the first').to.be.at.most(KILLS * CONCURRENCY)
    const told = new Map<string, number>()
    for (const { headers } of hook.received) {
      const id = String(headers['x-call-id'])
      told.set(id, (told.get(id) ?? 0) + 1)
    }
    expect(works.filter(id => !told.has(id))).to.deep.equal([])
    expect(
      [...told.values()].reduce((sum, times) => sum + times - 1, 0),
      'callbacks twice'
    ).to.be.at.most(KILLS * 4)
  })
})
