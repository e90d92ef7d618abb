import { expect } from 'chai'
import fc from 'fast-check'
import { unifiedDiff } from './text-diff.ts'

const NAMES = ['a', 'b'] as const

describe('unifiedDiff', () => {
  it('is empty for equal texts', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n', NAMES)).to.deep.equal([])
    expect(unifiedDiff('', '', NAMES)).to.deep.equal([])
  })

  it('shows each change with lines around it', () => {
    const before = '1\n2\n3\n4\n5\n6\n7\n8\n9\n'
    expect(unifiedDiff(before, before.replace('5\n', 'five\n'), NAMES, 1)).to.deep.equal([
      ...['--- a', '+++ b', '@@ -4,3 +4,3 @@'],
      ...[' 4', '-5', '+five', ' 6']
    ])
    expect(unifiedDiff('', 'x\n', NAMES)).to.deep.equal(['--- a', '+++ b', '@@ -0,0 +1 @@', '+x'])
    expect(unifiedDiff('x\n', '', NAMES)).to.deep.equal(['--- a', '+++ b', '@@ -1 +0,0 @@', '-x'])
  })

  it('turns one text into the other, where its line numbers say', () => {
    const texts = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n'), { maxLength: 15 }).map(lines => lines.join(''))
    fc.assert(
      fc.property(texts, texts, fc.integer({ min: 0, max: 3 }), (before, after, context) => {
        expect(patched(before, unifiedDiff(before, after, NAMES, context))).to.equal(after)
      })
    )
  })
})

/** What patch(1) makes of a text; throws when a line is not where the difference says. */
function patched(before: string, diff: readonly string[]): string {
  const lines = before.split('\n').slice(0, -1)
  const result: string[] = []
  let next = 0
  const goTo = (header: RegExpExecArray) => {
    const [from = 0, count = 0, to = 0, young = 0] = header.slice(1).map(text => Number(text ?? 1))
    while (next < from - Math.sign(count)) result.push(lines[next++] ?? '')
    expect(result.length).to.equal(to - Math.sign(young))
  }
  for (const line of diff.slice(2)) {
    const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(line)
    if (header !== null) goTo(header)
    else if (line[0] !== '+') expect(lines[next++]).to.equal(line.slice(1))
    if (header === null && line[0] !== '-') result.push(line.slice(1))
  }
  return [...result, ...lines.slice(next)].map(line => `${line}\n`).join('')
}
