import { expect } from 'chai'
import { importImage, useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { expectHardened } from '../helpers/hardened.ts'
import { inside } from '../helpers/inside.ts'

/** On paths of the API: a function of the restricted namespace. */
const paid = (name: string) => `${name}?namespace=payments`

describe('security by policy', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway
  /** Runs as a user that is not root. */
  let image: string

  before(async () => {
    const { docker, instance } = run()
    image = `docker-faas-test/user:${instance}`
    await importImage(docker, image, instance, '["/bin/sh", "/entry"]', { user: '1000:1000' })
    gateway = await TestGateway.start({
      ...{ POLICY_NAMESPACES: 'payments=restricted', RUNTIMES_ALLOWED: 'runsc', TMPFS_BYTES: '1Mi', STOP_GRACE: '1s' }
    })
    await gateway.createNamespace('payments')
  })
  after(() => gateway.close())

  const inPayments = { namespace: 'payments' }
  const sh = (container: string, script: string) => inside(gateway.docker, container, 'sh', '-c', script)

  it('S3: an image that runs as root is not run in a restricted namespace, and the condition says why', async () => {
    await gateway.apply('rooted', { image: run().image }, inPayments)
    const { message } = await gateway.reason(paid('rooted'), 'Degraded', 'PolicyViolation')
    expect(message).to.contain('runs as root').and.to.contain('USER must be a number other than 0')
    expect(await gateway.containers('rooted')).to.deep.equal([])
    expect((await gateway.call('GET', '/function/rooted.payments')).status).to.equal(503)
    const named = `docker-faas-test/named:${run().instance}`
    await importImage(run().docker, named, run().instance, '["/bin/sh", "/entry"]', { user: 'root' })
    await gateway.apply('rooted', { image: named }, inPayments)
    await eventually(async () => {
      const { status } = await gateway.get(paid('rooted'))
      expect(status.conditions.map(condition => condition.message).join()).to.contain(
        'runs as \\"root\\"'.replaceAll('\\', '')
      )
    })
    await gateway.apply('rooted', { image }, inPayments)
    await gateway.converged(paid('rooted'))
    expect(await inside(gateway.docker, 'rooted.payments-0', 'id', '-u')).to.equal('1000\n')
  })

  it('S3, S5, S9: a restricted function has a read-only root, a small /tmp and no way out, though it asked for none of it', async () => {
    await gateway.apply('safe', { image }, inPayments)
    await gateway.converged(paid('safe'))
    const canLimitSwap = (await gateway.docker.info()).SwapLimit === true
    const network = gateway.networkOf('safe.payments')
    const found = await gateway.docker.getContainer('safe.payments-0').inspect()
    expectHardened(found, { network, canLimitSwap, readOnly: true })
    expect(await sh('safe.payments-0', 'echo x >/www/x')).to.match(/read-only/i)
    expect(await sh('safe.payments-0', 'dd if=/dev/zero of=/tmp/x bs=64k count=100 2>&1')).to.match(/no space/i)
    const { Internal, Options } = await gateway.docker.getNetwork(network).inspect()
    expect(Internal).to.equal(true)
    expect(Options?.['com.docker.network.bridge.name']).to.match(/^dfn-[0-9a-f]{10}$/)
    expect((await gateway.call('GET', '/function/safe.payments')).status).to.equal(200)
  })

  it('a function of a baseline namespace is as it always was', async () => {
    await gateway.apply('policed', { image: run().image })
    await gateway.converged('policed')
    const { HostConfig } = await gateway.docker.getContainer('policed-0').inspect()
    expect(HostConfig.ReadonlyRootfs).to.equal(false)
    expect((await gateway.docker.getNetwork(gateway.networkOf('policed')).inspect()).Internal).to.equal(false)
  })

  it('what the policy does not allow is refused at once, by field, on both APIs', async () => {
    const annotations = { 'com.docker-faas.egress': 'open' }
    const metadata = { name: 'x', namespace: 'payments', annotations }
    const { status, text } = await gateway.call('POST', '/v1/functions', { metadata, spec: { image, debug: true } })
    const fields = JSON.parse(text).errors.map(({ field }: { field: string }) => field)
    expect([status, ...fields]).to.deep.equal([400, 'metadata.annotations', 'spec.debug'])
    const open = { service: 'x', namespace: 'payments', image, annotations }
    const strange = { service: 'x', image, annotations: { 'com.docker-faas.runtime': 'nvidia' } }
    for (const [wire, rule] of [
      [open, 'must be internal, none in the restricted namespace payments'],
      [strange, 'must be one of RUNTIMES_ALLOWED, which names runsc']
    ] as const) {
      const refused = await gateway.call('POST', '/system/functions', wire)
      expect(refused.status).to.equal(400)
      expect(refused.text)
        .to.match(/^annotations: com\.docker-faas\./)
        .and.to.contain(rule)
    }
  })

  it('S14: a runtime that is not installed is a condition, and the function runs without it again', async () => {
    await gateway.apply('sandboxed', { image }, { annotations: { 'com.docker-faas.runtime': 'runsc' } })
    const { message } = await gateway.reason('sandboxed', 'Ready', 'RuntimeMissing')
    expect(message).to.contain('no runtime runsc').and.to.contain('daemon.json')
    expect(await gateway.containers('sandboxed')).to.deep.equal([])
    await gateway.apply('sandboxed', { image })
    await gateway.converged('sandboxed')
  })

  it('S11: an image of a registry that is not allowed is refused; what ran before the rule runs on, and is told of', async () => {
    await gateway.stop()
    await gateway.start({ IMAGE_REGISTRIES_ALLOWED: 'docker.io/docker-faas-test,registry.example/team' })
    await gateway.converged('policed')
    for (const stranger of ['nginx', 'evil.example/docker-faas-test/x', 'registry.example/teams/x']) {
      for (const [path, body] of [
        ['/v1/functions', { metadata: { name: 'x' }, spec: { image: stranger } }],
        ['/system/functions', { service: 'x', image: stranger }]
      ] as const) {
        const { status, text } = await gateway.call('POST', path, body)
        expect(status, `${path} ${stranger}`).to.equal(403)
        expect(text).to.contain('IMAGE_REGISTRIES_ALLOWED names docker.io/docker-faas-test')
      }
    }
    expect((await gateway.call('PATCH', '/v1/functions/policed', { spec: { image: 'nginx' } })).status).to.equal(403)
    const { Id } = await gateway.docker.getContainer('policed-0').inspect()
    await gateway.stop()
    await gateway.start({ IMAGE_REGISTRIES_ALLOWED: 'registry.example/team', IMAGE_DIGEST_REQUIRED: 'true' })
    const { message } = await gateway.reason('policed', 'Degraded', 'PolicyViolation')
    expect(message).to.contain('image: docker.io/docker-faas-test/busybox is not of an allowed registry')
    expect((await gateway.docker.getContainer('policed-0').inspect()).Id).to.equal(Id)
    expect((await gateway.call('GET', '/function/policed')).status).to.equal(200)
    await gateway.scale('policed', 2)
    await gateway.reason('policed', 'Degraded', 'PolicyViolation')
    expect(await gateway.containers('policed')).to.deep.equal(['policed-0'])
    const tag = { metadata: { name: 'x' }, spec: { image: 'registry.example/team/x:1' } }
    const answer = await gateway.call('POST', '/v1/functions', tag)
    expect(answer.status).to.equal(403)
    expect(answer.text).to.contain('FORBIDDEN_BY_POLICY').and.to.contain('IMAGE_DIGEST_REQUIRED')
  })
})
