import { expect } from 'chai'
import { Mailbox } from './mailbox.ts'

describe('Mailbox', () => {
  it('gives what many put in, in the order of coming, and then ends', async () => {
    const mailbox = new Mailbox<number>()
    const puts = Promise.all(Array.from({ length: 100 }, (_, n) => mailbox.put(n)))
    void puts.then(() => mailbox.close())
    const taken = await Array.fromAsync(mailbox.take())
    expect(taken.toSorted((a, b) => a - b)).to.deep.equal(Array.from({ length: 100 }, (_, n) => n))
  })

  it('holds up those who put something in until it is taken', async () => {
    const mailbox = new Mailbox<number>()
    let put = 0
    const putting = (async () => {
      for (let n = 0; n < 100; n++) {
        await mailbox.put(n)
        put++
      }
      mailbox.close()
    })()
    await new Promise(resolve => setImmediate(resolve))
    expect(put).to.be.below(20)
    expect(await Array.fromAsync(mailbox.take())).to.have.length(100)
    await putting
  })

  it('lets everybody go when it is closed, and ends by throwing what it is closed with', async () => {
    const mailbox = new Mailbox<number>()
    const puts = Array.from({ length: 20 }, (_, n) => mailbox.put(n))
    const err = new Error('broke off')
    mailbox.close(err)
    await Promise.all(puts)
    const taken: number[] = []
    const outcome = await (async () => {
      for await (const item of mailbox.take()) taken.push(item)
    })().catch((thrown: unknown) => thrown)
    expect(outcome).to.equal(err)
    expect(taken).to.have.length(16)
  })
})
