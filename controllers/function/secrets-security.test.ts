import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { LABEL } from '../../api/labels.ts'
import { SecretUnreadableError } from '../../src/store/errors.ts'
import { BARE_SPEC, POLICY, SIGNER } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'

describe('secrets of a function', () => {
  let loop: Loop
  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const put = (name: string, value: string, namespace = 'openfaas-fn') =>
    loop.store.secrets.put(`${namespace}/${name}`, Buffer.from(value))
  const volumes = () => loop.engine.volumes().map(({ name }) => name)
  const reason = async (type: 'Ready' | 'Progressing' | 'Degraded') =>
    getCondition((await loop.get()).status.conditions, type)?.reason
  const degraded = async () => getCondition((await loop.get()).status.conditions, 'Degraded')
  const created = () => loop.engine.journal.filter(line => /^container_create hello-\d+$/.test(line)).length
  const expectOne = async (contents: Readonly<Record<string, string>>) => {
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    expect(loop.engine.secretsIn('hello-0')).to.deep.equal(contents)
    expect(volumes()).to.have.length(1)
  }

  it('S26: reach its replicas as files of a volume of its own, and in no other way', async () => {
    await put('a', 'value of a')
    await put('b', 'value of b')
    await put('other', 'value of another')
    await loop.put({ replicas: 2, secrets: ['b', 'a'] })
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running'])
    for (const name of ['hello-0', 'hello-1'])
      expect(loop.engine.secretsIn(name)).to.deep.equal({ a: 'value of a', b: 'value of b' })
    expect(volumes().join()).to.match(/^hello-secrets-[0-9a-f]{8}$/)
    const [volume] = loop.engine.volumes()
    expect(volume?.labels).to.include({ [LABEL.role]: 'secrets', [LABEL.function]: 'hello' })
    expect(SIGNER.isGenuine(volume?.labels ?? {}, { kind: 'volume' })).to.equal(true)
    const told = JSON.stringify([
      ...[loop.engine.containers(), loop.engine.volumes(), loop.engine.networks(), loop.engine.journal],
      ...[await loop.get(), await loop.store.events.list()]
    ])
    expect(told).to.not.contain('value of')
    expect(await reason('Progressing')).to.equal('Converged')
  })

  it('S26: are those of its own namespace', async () => {
    await put('a', 'of the default namespace')
    await put('a', 'of team-a', 'team-a')
    await loop.put({ secrets: ['a'] })
    await loop.put({ namespace: 'team-a', secrets: ['a'] })
    await loop.settle()
    await loop.reconciler.reconcile('team-a/hello', new AbortController().signal)
    expect(loop.engine.secretsIn('hello-0')).to.deep.equal({ a: 'of the default namespace' })
    expect(loop.engine.secretsIn('hello.team-a-0')).to.deep.equal({ a: 'of team-a' })
  })

  it('leave nothing beside replicas and volume: the container that wrote them is gone', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await expectOne({ a: '1' })
    expect(loop.left.get('openfaas-fn/hello')).to.be.a('string')
  })

  it('that change replace its replicas, one after the other, and the old volume goes', async () => {
    await put('a', '1')
    await loop.put({ replicas: 2, secrets: ['a'] })
    await loop.settle()
    const [before] = volumes()
    await put('a', '2')
    await loop.settle()
    expect(loop.engine.secretsIn('hello-1')).to.deep.equal({ a: '2' })
    expect(volumes()).to.have.length(1).and.not.include(before)
    expect(created()).to.equal(4)
    await put('a', '2')
    await loop.settle()
    expect(created(), 'the same value again').to.equal(4)
  })

  it('that it does not name do not concern it', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await put('b', '2')
    await loop.settle()
    expect(created()).to.equal(1)
  })

  it('that are missing at deployment hold it back, and it starts when they are there', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a', 'b', 'c'] })
    await loop.settle()
    expect(await loop.containers()).to.deep.equal([])
    expect(await degraded()).to.include({ status: 'True', reason: 'SecretMissing' })
    expect((await degraded())?.message).to.contain('b, c')
    expect(volumes()).to.deep.equal([])
    await put('b', '2')
    await put('c', '3')
    await loop.settle()
    await expectOne({ a: '1', b: '2', c: '3' })
    expect(await reason('Degraded')).to.equal('AsWanted')
  })

  it('that are deleted while it uses them stay in what runs, also when that is started again', async () => {
    await put('a', '1')
    await loop.put({ replicas: 1, secrets: ['a'] })
    await loop.settle()
    await loop.store.secrets.delete('openfaas-fn/a')
    await loop.settle()
    await expectOne({ a: '1' })
    expect(await reason('Ready')).to.equal('ReplicasReady')
    expect(await reason('Degraded')).to.equal('SecretMissing')
    loop.engine.exit('hello-0', 1)
    await loop.settle()
    await expectOne({ a: '1' })
    expect(created()).to.equal(1)
    await loop.put({ replicas: 2, secrets: ['a'] })
    await loop.settle()
    expect(await loop.containers(), 'none is new').to.deep.equal(['hello-0 running'])
    await put('a', '2')
    await loop.settle()
    expect(loop.engine.secretsIn('hello-1')).to.deep.equal({ a: '2' })
    expect(volumes()).to.have.length(1)
  })

  it('go from the disk when they are deleted and nothing uses them', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await loop.put({ replicas: 0, secrets: ['a'] })
    await loop.settle()
    expect(volumes(), 'at zero').to.have.length(1)
    await loop.store.secrets.delete('openfaas-fn/a')
    await loop.settle()
    expect(volumes()).to.deep.equal([])
  })

  it('are written again when somebody removed the volume of a function at zero', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await loop.put({ replicas: 0, secrets: ['a'] })
    await loop.settle()
    await loop.engine.removeVolume(volumes()[0] ?? '')
    await loop.put({ replicas: 1, secrets: ['a'] })
    await loop.settle()
    await expectOne({ a: '1' })
  })

  it('go with the function', async () => {
    await put('a', '1')
    await loop.put({ replicas: 2, secrets: ['a'] })
    await loop.settle()
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    await loop.settle()
    expect(await loop.containers()).to.deep.equal([])
    expect(volumes()).to.deep.equal([])
    expect(await loop.store.functions.get('openfaas-fn/hello')).to.equal(undefined)
    expect(await loop.store.secrets.list()).to.have.length(1)
  })

  it('are not taken from a volume of its name that is not ours, and it is left alone', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    const [name = ''] = volumes()
    await loop.put({ replicas: 0, secrets: ['a'] })
    await loop.settle()
    await loop.engine.removeVolume(name)
    loop.engine.addVolume(name, { [LABEL.instance]: POLICY.instance, [LABEL.role]: 'secrets' })
    await loop.put({ replicas: 1, secrets: ['a'] })
    for (let n = 0; n < 3; n++) await loop.pass().catch(() => undefined)
    expect(await loop.containers()).to.deep.equal([])
    expect(await reason('Degraded')).to.equal('NameConflict')
    expect((await degraded())?.message).to.contain(name)
    expect(volumes()).to.deep.equal([name])
    await loop.engine.removeVolume(name)
    await loop.settle()
    await expectOne({ a: '1' })
  })

  it('are not taken from one with the labels of another volume of ours', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    const [before] = loop.engine.volumes()
    await loop.put({ replicas: 0, secrets: ['a'] })
    await put('a', '2')
    await loop.settle()
    await loop.put({ replicas: 1, secrets: ['a'] })
    await loop.settle()
    const [name = ''] = volumes()
    await loop.put({ replicas: 0, secrets: ['a'] })
    await loop.settle()
    await loop.engine.removeVolume(name)
    loop.engine.addVolume(name, before?.labels ?? {})
    await loop.put({ replicas: 1, secrets: ['a'] })
    await loop.pass().catch(() => undefined)
    await loop.pass().catch(() => undefined)
    expect(await reason('Degraded')).to.equal('NameConflict')
  })

  it('are not written by a container of its name that is not ours', async () => {
    await put('a', '1')
    await loop.put({ replicas: 0, secrets: ['a'] })
    await loop.settle()
    await loop.engine.createNetwork({ name: 'foreign', labels: {}, subnet: '10.9.0.0/24' })
    await loop.put({ replicas: 1, secrets: ['a'] })
    loop.engine.fail('archive_put', 'other')
    await loop.pass().catch(() => undefined)
    const [loader] = loop.engine.containers()
    await loop.engine.removeContainer(loader?.name ?? '')
    const foreign = { ...BARE_SPEC, name: loader?.name ?? '', network: 'foreign' }
    await loop.engine.createContainer(foreign)
    await loop.engine.removeVolume(volumes()[0] ?? '')
    await loop.pass().catch(() => undefined)
    expect(await reason('Degraded')).to.equal('NameConflict')
    await loop.engine.removeContainer(foreign.name)
    await loop.settle()
    await expectOne({ a: '1' })
  })

  /** A replica is wanted whose volume is there and not whole, as when the engine was killed while it made the container that was to write it. */
  async function wantOneOverEmptyVolume(): Promise<void> {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await loop.put({ replicas: 0, secrets: ['a'] })
    await loop.settle()
    const [volume] = loop.engine.volumes()
    await loop.engine.removeVolume(volume?.name ?? '')
    loop.engine.addVolume(volume?.name ?? '', volume?.labels ?? {})
    await loop.put({ replicas: 1, secrets: ['a'] })
  }

  it('start no replica whose volume is not whole: both are made anew', async () => {
    await wantOneOverEmptyVolume()
    await loop.pass().catch(() => undefined)
    expect(await loop.containers()).to.deep.equal([])
    await loop.settle()
    await expectOne({ a: '1' })
  })

  it('keep no later revision waiting whose volume is not whole and mounted by a replica that never started', async () => {
    await wantOneOverEmptyVolume()
    loop.engine.fail('archive_stat', 'other')
    await loop.pass().catch(() => undefined)
    expect(await loop.containers()).to.deep.equal(['hello-0 created'])
    await loop.put({ replicas: 1, secrets: ['a'], env: { N: '2' } })
    for (let n = 0; n < 5; n++) await loop.pass().catch(() => undefined)
    await expectOne({ a: '1' })
  })

  it('S24: that cannot be read keep what runs, hold back what needs them, and say why', async () => {
    await put('a', '1')
    await put('b', '2')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    const { reveal } = loop.store.secrets
    loop.store.secrets.reveal = async () => {
      throw new SecretUnreadableError('openfaas-fn/b', 'its key is not there')
    }
    await loop.put({ secrets: ['a', 'b'] })
    await loop.pass().catch(() => undefined)
    await expectOne({ a: '1' })
    expect(await reason('Ready')).to.equal('ReplicasReady')
    expect(await degraded()).to.include({ reason: 'SecretUnreadable' })
    expect((await degraded())?.message)
      .to.contain('openfaas-fn/b')
      .and.to.contain('its key is not there')
    loop.store.secrets.reveal = reveal.bind(loop.store.secrets)
    await loop.settle()
    await expectOne({ a: '1', b: '2' })
  })

  it('are told of as a full disk when there is no room for them', async () => {
    await put('a', '1')
    await loop.put({ secrets: ['a'] })
    loop.engine.fail('archive_put', 'no-space', { times: 3 })
    await loop.pass().catch(() => undefined)
    expect(await reason('Degraded')).to.equal('DiskPressure')
    loop.engine.heal()
    await loop.settle()
    await expectOne({ a: '1' })
  })
})
