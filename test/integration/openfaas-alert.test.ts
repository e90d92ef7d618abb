import { expect } from 'chai'
import { AlertDesk } from '../../controllers/autoscaler/alert.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

/** What Alertmanager 0.28 sends, but for the alerts. */
const MESSAGE = {
  ...{ receiver: 'scale-up', status: 'firing', groupKey: '{}:{alertname="APIHighInvocationRate"}', version: '4' },
  ...{
    truncatedAlerts: 0,
    groupLabels: { alertname: 'APIHighInvocationRate' },
    commonLabels: {},
    commonAnnotations: {}
  },
  externalURL: 'http://alertmanager:9093'
}

describe('POST /system/alert', () => {
  let api: ApiServer
  let desk: AlertDesk

  before(async () => {
    api = await startApi({ alerts: { act: (key, status) => desk.act(key, status) } })
    desk = new AlertDesk({
      ...{ functions: api.store.functions, events: api.store.events, policy: { maxReplicas: 10, defaultReplicas: 1 } },
      ...{ isAutoscaling: true, capacityOf: () => undefined, isHeld: () => false, log: silentLogger },
      ...{ enqueue: key => void api.enqueued.push(key), onDecision: () => undefined }
    })
    await api.request('POST', '/system/functions', { service: 'plain', image: 'a:1' })
    await createNamespaces(api.store, ['team-a'])
    await api.request('POST', '/system/functions', { service: 'other', image: 'a:1', namespace: 'team-a' })
  })
  after(() => api[Symbol.asyncDispose]())

  const alert = (status: string, name: unknown) => ({
    status,
    labels: { alertname: 'APIHighInvocationRate', function_name: name, severity: 'major' },
    ...{ annotations: {}, startsAt: '2026-01-01T00:00:00Z', endsAt: '0001-01-01T00:00:00Z', fingerprint: 'f' }
  })
  const send = (alerts: unknown, headers?: Record<string, string>) =>
    api.request('POST', '/system/alert', { ...MESSAGE, alerts }, { 'content-type': 'application/json', ...headers })
  const replicas = async (key: string) => (await api.store.functions.get(key))?.spec.replicas

  it('adds factor percent of max for an alert that fires, and goes to min when it is resolved', async () => {
    const answer = await send([alert('firing', 'plain.openfaas-fn'), alert('firing', 'other.team-a')])
    expect(answer.status).to.equal(200)
    expect(answer.json.alerts).to.deep.equal([
      { function: 'plain.openfaas-fn', status: 'firing', outcome: 'scaled', replicas: 3 },
      { function: 'other.team-a', status: 'firing', outcome: 'scaled', replicas: 3 }
    ])
    expect(await replicas('openfaas-fn/plain')).to.equal(3)
    expect(api.enqueued).to.include('team-a/other')
    expect((await api.request('GET', '/v1/functions/plain')).json.scale).to.deep.equal({ alerted: true })
    // The name alone is of the default namespace.
    await send([alert('resolved', 'plain')])
    expect(await replicas('openfaas-fn/plain')).to.equal(1)
  })

  it('goes no further than the quota of the namespace, and says so', async () => {
    await createNamespaces(api.store, ['team-q'], { 'com.docker-faas.quota.replicas': '2' })
    await api.request('POST', '/system/functions', { service: 'bounded', image: 'a:1', namespace: 'team-q' })
    const about = { function: 'bounded.team-q', status: 'firing', replicas: 2 }
    const message = (wanted: number) => `the quota of its namespace leaves it 2 of ${wanted}`
    for (const [outcome, wanted] of [
      ['scaled', 3],
      ['unchanged', 4]
    ] as const) {
      const answer = await send([alert('firing', 'bounded.team-q')])
      expect(answer.json.alerts).to.deep.equal([{ ...about, outcome, message: message(wanted) }])
    }
    const events = await api.store.events.list({ name: 'bounded' })
    expect(events.filter(({ reason }) => reason === 'QuotaReached')).to.have.length(1)
    await api.request('DELETE', '/v1/functions/bounded?namespace=team-q')
  })

  it('tells of alerts about what is not there, and carries out the others', async () => {
    const answer = await send([alert('firing', 'none.openfaas-fn'), alert('firing', 7), alert('firing', 'plain')])
    expect(answer.status).to.equal(200)
    expect(answer.json.alerts.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal([
      'unknown',
      'unknown',
      'scaled'
    ])
  })

  it('is nothing without alerts', async () => {
    for (const alerts of [[], null, undefined]) expect((await send(alerts)).json).to.deep.equal({ alerts: [] })
  })

  for (const [what, alerts] of [
    ['a status that is none', [{ status: 'burning', labels: {} }]],
    ['an alert that is none', ['x']],
    ['labels that are none', [{ status: 'firing', labels: 'x' }]],
    ['alerts that are no list', { status: 'firing' }],
    ['more alerts than anybody groups', Array.from({ length: 1001 }, () => alert('firing', 'plain'))]
  ] as const) {
    it(`answers 400 for ${what}, and does nothing`, async () => {
      const before = await replicas('openfaas-fn/plain')
      expect((await send(alerts)).status).to.equal(400)
      expect(await replicas('openfaas-fn/plain')).to.equal(before)
    })
  }

  it('answers 400 for what is no JSON, 401 without credentials, and 404 in words for another namespace', async () => {
    expect((await api.request('POST', '/system/alert', '{')).status).to.equal(400)
    expect((await send([], { authorization: '' })).status).to.equal(401)
    const bound = { name: 'alerts', scopes: ['deploy'], namespaces: ['team-a'] }
    const { token } = (await api.request('POST', '/v1/tokens', bound)).json
    const before = await replicas('openfaas-fn/plain')
    const answer = await send([alert('firing', 'plain'), alert('resolved', 'other.team-a')], {
      authorization: `Bearer ${token}`
    })
    expect(answer.json.alerts).to.deep.equal([
      { function: 'plain', status: 'firing', outcome: 'unknown', message: 'there is no such function' },
      { function: 'other.team-a', status: 'resolved', outcome: 'scaled', replicas: 1 }
    ])
    expect(await replicas('openfaas-fn/plain')).to.equal(before)
  })

  it('S39: is one row of the audit log, which names what was scaled', async () => {
    await send([alert('resolved', 'plain'), alert('firing', 'other.team-a')])
    const [row] = await api.store.audit.list({ limit: 1 })
    expect(row).to.include({ verb: 'POST /system/alert', kind: 'alert', outcome: 'done', status: 200 })
    expect(row?.detail).to.equal('plain to 1, resolved; other.team-a to 3, firing')
  })
})
