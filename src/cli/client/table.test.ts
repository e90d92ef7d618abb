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

  describe('on a terminal', () => {
    const items = [
      { name: 'a-function-with-a-long-name', image: 'registry.example.com/team/hello:1.2.3', state: '漢字漢字漢字' }
    ]
    const columns = [
      { header: 'NAME', value: ({ name }: (typeof items)[0]) => name, whole: true },
      { header: 'IMAGE', value: ({ image }: (typeof items)[0]) => image },
      { header: 'STATE', value: ({ state }: (typeof items)[0]) => state }
    ]
    const at = (width?: number) => formatTable(items, columns, { ...LAYOUT, width })

    it('cuts what is too wide in its middle, the widest first, and no name', async () => {
      expect(await at()).to.equal(await at(27 + 3 + 37 + 3 + 12))
      expect(await at(62)).to.equal(
        'NAME                          IMAGE               STATE\n' +
          'a-function-with-a-long-name   registry…lo:1.2.3   漢字漢字漢字\n'
      )
      expect(await at(10)).to.equal(
        'NAME                          IMAGE      STATE\na-function-with-a-long-name   regi…2.3   漢字…字\n'
      )
    })

    it('keeps a table that grows within it', async () => {
      const widths: number[] = []
      await formatTable(items, columns, { ...LAYOUT, width: 62, widths })
      expect(widths.reduce((sum, each) => sum + each, 6)).to.equal(62)
      const [item = { name: '', image: '', state: '' }] = items
      const more = await formatTable([{ ...item, image: `x${item.image}` }], columns, { ...LAYOUT, width: 62, widths })
      expect(more.split('\n')[1]).to.match(/ x\S+…\S+ /)
    })
  })
})
