import { expect } from 'chai'
import { openStore } from '../../src/store/open.ts'
import { Scratch, TestClock } from '../fixtures/db/files.ts'

const DRAFT = { name: 'a', labels: { x: 'y' }, annotations: {}, spec: { user: '1000' } }

describe('store: profiles', () => {
  it('gives them back when it is opened again, and tells of what really changed', async () => {
    await using scratch = await Scratch.create()
    const clock = new TestClock()
    const told: string[] = []
    let store = await openStore({ path: scratch.path, clock })
    store.profiles.onChange(name => told.push(name))
    const { object } = await store.profiles.put('a', () => DRAFT)
    expect((await store.profiles.put('a', () => DRAFT)).outcome).to.equal('unchanged')
    const refusal = await store.profiles.put('a', () => DRAFT, { ifMatch: 1_000 }).catch((err: Error) => err.message)
    expect(refusal).to.contain('read it again')
    await store.close()
    store = await openStore({ path: scratch.path, clock })
    expect(store.profiles.list()).to.deep.equal([object])
    expect(store.profiles.get('a')).to.deep.equal(object)
    expect(await store.profiles.delete('a')).to.deep.equal(object)
    expect(await store.profiles.delete('a')).to.equal(undefined)
    expect(store.profiles.get('a')).to.equal(undefined)
    expect(told).to.deep.equal(['a'])
    await store.close()
    store = await openStore({ path: scratch.path, clock })
    expect(store.profiles.list()).to.deep.equal([])
    await store.close()
  })
})
