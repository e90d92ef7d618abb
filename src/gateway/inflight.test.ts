import { expect } from 'chai'
import { Inflight } from './inflight.ts'

describe('Inflight', () => {
  it('counts the calls of each container', () => {
    const inflight = new Inflight()
    const release = inflight.acquire('a')
    inflight.acquire('a')
    inflight.acquire('b')
    expect([inflight.count('a'), inflight.count('b'), inflight.count('c'), inflight.total()]).to.deep.equal([
      2, 1, 0, 3
    ])
    release()
    expect(inflight.count('a')).to.equal(1)
  })

  it('ends a call once, however often it is told', () => {
    const inflight = new Inflight()
    inflight.acquire('a')
    const release = inflight.acquire('a')
    release()
    release()
    expect(inflight.count('a')).to.equal(1)
  })

  it('says in the same tick that a container is idle, until told to stop', () => {
    const inflight = new Inflight()
    const idle: string[] = []
    const stop = inflight.onIdle(id => idle.push(id))
    const first = inflight.acquire('a')
    const second = inflight.acquire('a')
    first()
    expect(idle).to.deep.equal([])
    second()
    expect(idle).to.deep.equal(['a'])
    stop()
    inflight.acquire('a')()
    expect(idle).to.deep.equal(['a'])
  })
})
