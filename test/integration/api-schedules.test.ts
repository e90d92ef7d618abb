import { expect } from 'chai'
import type { ScheduleView } from '../../api/schedule-view.ts'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { aFunction } from '../helpers/builders.ts'
import { runCli } from '../helpers/cli.ts'

const P = 'com.docker-faas.schedule.'
const CRON = { topic: 'cron-function', schedule: '*/5 * * * *' }

describe('schedules in the API', () => {
  let api: ApiServer
  before(async () => {
    api = await startApi()
  })
  after(() => api[Symbol.asyncDispose]())

  const deploy = (name: string, annotations: object) =>
    api.request('POST', '/v1/functions', { metadata: { name, annotations }, spec: { image: 'x' } })

  async function schedulesOf(name: string): Promise<ScheduleView[]> {
    return (await api.request('GET', `/v1/functions/${name}/schedules`)).json.items
  }

  it('show when the next tick is, and what became of the last', async () => {
    await deploy('report', { ...CRON, schedule: '*/5 * * * *;0 9 * * MON', [`${P}timezone`]: 'Europe/Berlin' })
    const [often, weekly] = await schedulesOf('report')
    const now = Date.now()
    expect(Date.parse(often?.next ?? '')).to.be.within(now - 1000, now + 5 * 60_000)
    expect(often).to.include({
      namespace: 'openfaas-fn',
      function: 'report',
      timezone: 'Europe/Berlin',
      suspended: false
    })
    expect(often).to.include({ concurrency: 'forbid', runs: 0 }).and.not.have.property('last')
    expect(new Date(weekly?.next ?? 0).toLocaleString('en-GB', { timeZone: 'Europe/Berlin' })).to.match(/ 09:00:00$/)
    const { metadata } = (await api.store.functions.get('openfaas-fn/report')) ?? aFunction()
    const draft = {
      namespace: 'openfaas-fn',
      name: 'report',
      method: 'POST',
      path: '/',
      headers: [],
      body: new Uint8Array()
    }
    await api.store.invocations.accept({ ...draft, id: 'call-1', now })
    const tick = Math.floor(now / 300_000) * 300_000
    await api.store.schedules.put({
      ...{ uid: metadata.uid, schedule: '*/5 * * * *', timezone: 'Europe/Berlin', done: [[tick, tick]] },
      ...{ seenUntil: now, isSuspended: false, runs: 4, skipped: 1, missed: 2, last: { tick, at: now, call: 'call-1' } }
    })
    const at = (ms: number) => new Date(ms).toISOString()
    expect((await schedulesOf('report'))[0]).to.deep.include({
      ...{ runs: 4, skipped: 1, missed: 2 },
      last: { tick: at(tick), at: at(now), call: 'call-1', phase: 'queued' }
    })
    const { json } = await api.request('GET', '/v1/schedules')
    expect(json).to.include({ apiVersion: 'v1', kind: 'ScheduleList' })
    expect(json.items).to.have.length(2)
  })

  it('refuse what cannot be, on both APIs, with the annotation and what it must be', async () => {
    const annotations = { ...CRON, schedule: '* * *', [`${P}timezone`]: 'Mars' }
    const v1 = await deploy('wrong', annotations)
    expect([v1.status, v1.json.errors.length]).to.deep.equal([400, 2])
    expect(v1.json.errors[1]).to.deep.equal({
      field: 'metadata.annotations',
      message: `${P}timezone must be the name of a time zone, such as "Europe/Berlin" or "UTC", got "Mars"`
    })
    const system = await api.request('POST', '/system/functions', { service: 'wrong', image: 'x', annotations })
    expect([system.status, system.text.split('annotations: ').length]).to.deep.equal([400, 3])
  })

  it('show what is suspended, and what cannot be read of a function that was there before the rules', async () => {
    await deploy('rest', { ...CRON, [`${P}suspend`]: 'true' })
    expect((await schedulesOf('rest'))[0])
      .to.include({ suspended: true })
      .and.not.have.property('next')
    const { spec } = aFunction()
    await api.store.functions.put('openfaas-fn/old', () => {
      return { namespace: 'openfaas-fn', name: 'old', labels: {}, annotations: { ...CRON, schedule: 'often' }, spec }
    })
    const [old] = await schedulesOf('old')
    expect(old).to.include({ schedule: 'often' }).and.not.have.property('next')
    expect(old?.fault).to.match(/^schedule must have five fields/)
    await deploy('plain', {})
    expect(await schedulesOf('plain')).to.deep.equal([])
  })

  it('are printed by docker-faas schedule list, which needs no verb', async () => {
    const given = { env: { AUTH_PASSWORD: PASSWORD } }
    const cli = async (...words: string[]) => (await runCli([...words, '--gateway', api.url], given)).stdout
    const text = await cli('schedules', '-A', '-o', 'wide')
    expect(text).to.match(/^NAMESPACE +FUNCTION +SCHEDULE +TIMEZONE +NEXT +LAST +RESULT +RUNS +SKIPPED +MISSED$/m)
    expect(text).to.match(/^openfaas-fn +report +\*\/5 \* \* \* \* +Europe\/Berlin +20\S+Z +\S+ +queued +4 +1 +2$/m)
    expect(text).to.match(/^openfaas-fn +rest .* suspended +- +- +0 /m)
    expect(text).to.match(/^openfaas-fn +old +often +UTC +schedule must have/m)
    expect(await cli('schedule', 'list', '-A', '-o', 'wide')).to.equal(text)
    expect(JSON.parse(await cli('schedules', '--json')).map((view: ScheduleView) => view.function)).to.include('old')
    expect(await cli('schedules', '-n', 'other', '--json')).to.equal('[]\n')
  })
})
