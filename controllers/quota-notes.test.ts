import { expect } from 'chai'
import { silentLogger } from '../src/logging/logger.ts'
import { QuotaNotes } from './quota-notes.ts'

describe('QuotaNotes', () => {
  const counts = { wanted: 3, left: 1 }
  const notes = () => {
    const told: string[] = []
    const record = async ({ uid }: { readonly uid: string }) => void told.push(uid)
    return { told, notes: new QuotaNotes({ events: { record }, log: silentLogger }) }
  }

  it('tells of a function once until there was room again, and of another one of its name', async () => {
    const { told, notes: quota } = notes()
    for (const uid of ['a', 'a', 'b', 'b']) await quota.reached('ns/fn', uid, counts)
    quota.forget('ns/fn')
    await quota.reached('ns/fn', 'b', counts)
    expect(told).to.deep.equal(['a', 'b', 'b'])
  })

  it('remembers no more than so many, however many names come and go', async () => {
    const { told, notes: quota } = notes()
    for (let n = 0; n <= 1000; n++) await quota.reached(`ns/f${n}`, 'u', counts)
    for (const name of ['f0', 'f1000']) await quota.reached(`ns/${name}`, 'u', counts)
    expect(told).to.have.length(1002)
  })
})
