import { expect } from 'chai'
import { parseEvents } from './docker-events.ts'
import type { EngineEvent } from './engine.ts'

async function parse(...chunks: string[]): Promise<EngineEvent[]> {
  return Array.fromAsync(
    parseEvents(
      (async function* () {
        for (const chunk of chunks) yield Buffer.from(chunk)
      })()
    )
  )
}

const event = (Type: string, Action: string, ID: string, Attributes?: object) =>
  `${JSON.stringify({ Type, Action, Actor: { ID, Attributes } })}\n`

describe('parseEvents', () => {
  it('puts the engine’s events into our words', async () => {
    const text = [
      event('container', 'die', 'c1', { name: 'hello-0', exitCode: '1', a: 'b' }),
      event('network', 'connect', 'n1', { name: 'net', container: 'c1' }),
      event('network', 'create', 'n1', { name: 'net' }),
      event('image', 'pull', 'x:1', { name: 'x' }),
      event('image', 'delete', 'sha256:1'),
      event('volume', 'create', 'v', {})
    ].join('')
    expect(await parse(text)).to.deep.equal([
      { kind: 'container', action: 'die', id: 'c1', labels: { name: 'hello-0', exitCode: '1', a: 'b' } },
      { kind: 'network', action: 'connect', name: 'net', container: 'c1' },
      { kind: 'network', action: 'create', name: 'net' },
      { kind: 'image', action: 'pull', reference: 'x' },
      { kind: 'image', action: 'delete', reference: 'sha256:1' }
    ])
  })

  it('survives what says nothing', async () => {
    expect(await parse('{}\n', '\r\n', '{"Type":"network"}\n', '{"Type":"container"}')).to.deep.equal([
      { kind: 'network', action: '', name: '' },
      { kind: 'container', action: '', id: '', labels: {} }
    ])
  })

  it('D7: throws on what is cut off, and on a line without an end', async () => {
    expect(await parse('{"Type":').catch(err => err)).to.be.instanceOf(SyntaxError)
    const endless = await parse(...Array.from({ length: 40 }, () => 'x'.repeat(64 * 1024))).catch(err => err)
    expect(endless.message).to.contain('a line is longer')
  })
})
