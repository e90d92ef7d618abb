import { expect } from 'chai'
import fc from 'fast-check'
import { mergeByTime } from './merge.ts'

const line = (timestamp: string, source: number) => ({ timestamp, source })
type Line = ReturnType<typeof line>

async function* given(lines: readonly Line[], onEnd: () => void = () => undefined): AsyncGenerator<Line> {
  try {
    yield* lines
  } finally {
    onEnd()
  }
}

describe('mergeByTime', () => {
  it('gives all of all sources, by time, each source in its own order', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 0, max: 9 }))), async times => {
        const sources = times.map((each, at) => each.toSorted().map(time => line(`${time}`, at)))
        const merged = await Array.fromAsync(mergeByTime(sources.map(each => given(each))))
        expect(merged).to.deep.equal(sources.flat().toSorted((a, b) => Number(a.timestamp) - Number(b.timestamp)))
      })
    ))

  it('lets go of every source when its reader leaves, and when one fails', async () => {
    let ended = 0
    const source = (time: string) => given([line(time, 0), line(time, 0)], () => void ended++)
    for await (const first of mergeByTime([source('1'), source('2')])) {
      expect(first.timestamp).to.equal('1')
      break
    }
    expect(ended).to.equal(2)
    async function* failing(): AsyncGenerator<Line> {
      yield line('0', 1)
      throw new Error('broke off')
    }
    const failed = await Array.fromAsync(mergeByTime([source('3'), failing()])).catch(String)
    expect(failed).to.equal('Error: broke off')
    expect(ended).to.equal(3)
  })
})
