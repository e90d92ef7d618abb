import { expect } from 'chai'
import { parse, parseAllDocuments } from 'yaml'
import { anEnvironment } from '../../../test/helpers/cli.ts'
import { formatAge } from './age.ts'
import { readNdjson } from './ndjson.ts'
import { printList, printOne, type View } from './output.ts'

interface Thing {
  readonly name: string
  readonly state: string
}

const VIEW: View<Thing> = {
  columns: [
    { header: 'NAME', value: ({ name }) => name },
    { header: 'SECRET', value: () => undefined, wide: true },
    { header: 'STATE', value: ({ state }) => state, style: ({ state }) => (state === 'bad' ? 'red' : undefined) }
  ],
  name: ({ name }) => `thing/${name}`,
  none: 'no things'
}
const THINGS = [
  { name: '日本', state: 'well' },
  { name: 'a\x1b[2J\nb', state: 'bad' }
]

describe('printList', () => {
  const print = async (items: readonly Thing[], options: object, isTTY = false) => {
    const environment = anEnvironment({ isTTY })
    await printList(environment, items, VIEW, options)
    return { stdout: environment.stdout.text, stderr: environment.stderr.text }
  }

  it('aligns columns by what a terminal shows, one line each, without what commands it', async () => {
    expect(await print(THINGS, {})).to.deep.equal({
      stdout: 'NAME            STATE\n日本            well\na\\x1b[2J\\x0ab   bad\n',
      stderr: ''
    })
  })

  it('shows wide columns, and no headers, when asked', async () => {
    const { stdout } = await print(THINGS.slice(0, 1), { output: 'wide', headers: false })
    expect(stdout).to.equal('日本   -   well\n')
  })

  it('colours on terminals only', async () => {
    expect((await print(THINGS.slice(1), {}, true)).stdout).to.contain('\x1b[31mbad\x1b[39m\n')
  })

  it('prints names, JSON and YAML that say the same', async () => {
    expect((await print(THINGS, { output: 'name' })).stdout).to.equal('thing/日本\nthing/a\\x1b[2J\\x0ab\n')
    expect(JSON.parse((await print(THINGS, { output: 'json' })).stdout)).to.deep.equal({
      ...{ apiVersion: 'v1', kind: 'List' },
      items: THINGS
    })
    const { stdout } = await print(THINGS, { output: 'yaml' })
    expect(parseAllDocuments(stdout).map(document => document.toJS())).to.deep.equal(THINGS)
  })

  it('says on the standard error that there is nothing, and gives programs an empty list', async () => {
    expect(await print([], {})).to.deep.equal({ stdout: '', stderr: 'no things\n' })
    expect(JSON.parse((await print([], { output: 'json' })).stdout).items).to.deep.equal([])
  })

  it('refuses a format that is none', async () => {
    const refusal = await print(THINGS, { output: 'xml' }).catch(err => err)
    expect(refusal).to.include({ message: '-o must be one of table, wide, json, yaml, name, not "xml"', exitCode: 2 })
  })

  it('prints one thing as itself', async () => {
    for (const [output, read] of [
      ['json', (text: string) => JSON.parse(text)],
      ['yaml', (text: string) => parse(text)]
    ] as const) {
      const environment = anEnvironment()
      await printOne(environment, { name: 'x', state: 'y' }, VIEW, { output })
      expect(read(environment.stdout.text)).to.deep.equal({ name: 'x', state: 'y' })
    }
  })
})

describe('formatAge', () => {
  const now = Date.parse('2026-01-02T00:00:00Z')
  const cases: [secondsAgo: number, age: string][] = [
    [-5, '0s'],
    [0, '0s'],
    [42, '42s'],
    [90, '1m30s'],
    [3000, '50m'],
    [12_000, '3h20m'],
    [86_400, '1d'],
    [86_400 * 20 + 3600, '20d']
  ]
  for (const [seconds, age] of cases) {
    it(`is ${age} after ${seconds} s`, () => {
      expect(formatAge(new Date(now - seconds * 1000).toISOString(), now)).to.equal(age)
    })
  }
  it('is empty for no time', () => expect([formatAge(undefined, now), formatAge('soon', now)]).to.deep.equal(['', '']))
})

describe('readNdjson', () => {
  const read = async (bytes: Buffer, size: number) => {
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
    const all: unknown[] = []
    for await (const line of readNdjson(chunks as never)) all.push(line)
    return all
  }

  it('gives each line, in whatever pieces it comes', async () => {
    const text = '{"a":"日本"}\n\n{"b":2}\n[3]'
    for (const size of [1, 2, 5, 100]) {
      expect(await read(Buffer.from(text), size)).to.deep.equal([{ a: '日本' }, { b: 2 }, [3]])
    }
  })

  it('refuses a line that is no JSON, with its beginning', async () => {
    expect(await read(Buffer.from('<html>\n'), 3).catch((err: Error) => err.message)).to.equal(
      'a line of the answer is no JSON: <html>'
    )
  })
})
