import { expect } from 'chai'
import { formatTable } from './table.ts'

const LAYOUT = { headers: true, wide: false, paint: (_style: unknown, text: string) => text }

describe('formatTable', () => {
  it('hangs the lines of a last column that has some below it, and keeps those of others in one', async () => {
    const items = [{ name: '漢\n字', message: 'said:\r\n  one\x1b[2J\ntwo\n\n' }]
    const text = await formatTable(
      items,
      [
        { header: 'NAME', value: ({ name }) => name },
        { header: 'MESSAGE', value: ({ message }) => message, lines: true }
      ],
      LAYOUT
    )
    expect(text).to.equal('NAME       MESSAGE\n漢\\x0a字   said:\n             one\\x1b[2J\n           two\n')
  })
})
