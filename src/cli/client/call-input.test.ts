import { PassThrough, Readable } from 'node:stream'
import { expect } from 'chai'
import { takeInput } from './call-input.ts'

async function allOf(input: AsyncIterable<string | Uint8Array>): Promise<string[]> {
  return (await Array.fromAsync(input)).map(String)
}

describe('takeInput', () => {
  it('gives a short input that ends as one piece, an empty one too', async () => {
    expect(String(await takeInput(Readable.from(['Hel', Buffer.from('lo')])))).to.equal('Hello')
    expect(await takeInput(Readable.from([]))).to.have.length(0)
  })

  it('gives a long one in pieces, with all of its bytes', async () => {
    const pieces = Array.from({ length: 6 }, (_, n) => String(n).repeat(64 * 1024))
    const input = await takeInput(Readable.from(pieces))
    expect(input).not.to.be.instanceOf(Uint8Array)
    expect((await allOf(input as AsyncIterable<string>)).join('')).to.equal(pieces.join(''))
  })

  it('does not wait for the end of one that comes slowly', async () => {
    const source = new PassThrough()
    source.write('first')
    const input = (await takeInput(source)) as AsyncIterable<Uint8Array>
    source.end(', last')
    expect((await allOf(input)).join('')).to.equal('first, last')
  })

  it('tells of an input that breaks off, before and after', async () => {
    const broken = new PassThrough()
    setImmediate(() => broken.destroy(new Error('gone')))
    const told = async (run: () => Promise<unknown>) =>
      await run().then(
        () => '',
        (err: Error) => err.message
      )
    expect(await told(() => takeInput(broken))).to.equal('gone')
    const late = new PassThrough()
    late.write('a')
    const input = (await takeInput(late)) as AsyncIterable<Uint8Array>
    late.destroy(new Error('gone later'))
    expect(await told(() => allOf(input))).to.equal('gone later')
  })

  it('closes what is not read to its end', async () => {
    const source = new PassThrough()
    source.write('a')
    const input = (await takeInput(source)) as AsyncIterable<Uint8Array>
    for await (const _ of input) break
    expect(source.destroyed).to.equal(true)
  })
})
