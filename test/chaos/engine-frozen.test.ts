import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

/** Longer than an engine call may take before the gateway takes the engine for hung, and a second for each suspension. */
const FROZEN_MS = 12_000

describe('an engine that hangs', function () {
  this.timeout(90_000)
  const chaos = useChaos({ RECONCILE_INTERVAL_SECONDS: '2', ENGINE_TIMEOUT: '5s' })

  it('D3: fails no idempotent call while it hangs, though a replica dies meanwhile, and repairs that afterwards', async () => {
    const { engine, gateway, run } = chaos()
    await gateway.apply('lasting', { image: run.image, replicas: 3 })
    await gateway.converged('lasting')
    const { State: victim } = await engine.docker.getContainer('lasting-1').inspect()
    const answers: string[] = []
    let isCalling = true
    const callers = Array.from({ length: 6 }, async () => {
      while (isCalling) {
        const { status, text } = await gateway.call('GET', '/function/lasting')
        answers.push(status === 200 ? '200' : `${status} ${text}`)
      }
    })
    engine.freeze()
    try {
      const until = performance.now() + FROZEN_MS
      process.kill(victim.Pid, 'SIGKILL')
      await eventually(async () => expect((await gateway.call('GET', '/readyz')).text).to.contain('degraded'), {
        timeoutMs: 30_000
      })
      expect((await gateway.call('GET', '/livez')).status).to.equal(200)
      await eventually(() => expect(performance.now()).to.be.at.least(until), { timeoutMs: FROZEN_MS })
    } finally {
      engine.thaw()
    }
    await gateway.converged('lasting', 60_000)
    isCalling = false
    await Promise.all(callers)
    expect(answers.length).to.be.greaterThan(100)
    expect(answers.filter(answer => answer !== '200')).to.deep.equal([])
  })
})
