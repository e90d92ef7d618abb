import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { type EngineObject, leftOf, NameWatch } from './test-objects.ts'

const anObject = (name: string, labels: Record<string, string> = {}): EngineObject => ({
  ...{ kind: 'container', id: 'c1', name, labels }
})

describe('what tests leave on an engine', () => {
  it('is what has the mark of the run in its name or a label, and nothing else', () => {
    const objects = [
      anObject('echo-0', { instance: 'test-kqzta01234567' }),
      { ...anObject('test-kqztb76543210-twin'), kind: 'network' as const },
      { ...anObject('', { instance: 'test-kqzta01234567' }), kind: 'image' as const },
      anObject('hello-0', { instance: 'docker-faas' }),
      anObject('echo-1', { instance: 'test-mmmma01234567' }),
      anObject('stranger')
    ]
    expect(leftOf(objects, 'kqzt')).to.deep.equal(['container echo-0', 'image c1', 'network test-kqztb76543210-twin'])
  })
})

describe('names of containers', () => {
  const instance = (share: string, test = '01234567') => ({ instance: `test-kqzt${share}${test}` })
  function failuresOf(...created: readonly Readonly<Record<string, string>>[]): readonly string[] {
    const watch = new NameWatch('kqzt')
    for (const attributes of created) watch.note(attributes)
    return watch.stop().failures
  }

  it('that two shares use are told', () => {
    expect(
      failuresOf(
        { name: 'quiet-0', ...instance('a') },
        { name: 'quiet-0', ...instance('b') },
        { name: 'busy-0', ...instance('b') }
      )
    ).to.deep.equal(['two shares have a container quiet-0: give one another name'])
  })

  it('are free to be used again in one share, by others, and with the mark in them', () => {
    expect(
      failuresOf(
        { name: 'one-0', ...instance('a') },
        { name: 'one-0', ...instance('a', '76543210') },
        { name: 'one-0', instance: 'docker-faas' },
        { name: 'two-0' },
        { name: 'old-kqzta01234567-0', ...instance('a') },
        { name: 'old-kqzta01234567-0', ...instance('b') }
      )
    ).to.deep.equal([])
  })

  it('are told not to be known when the events end before the tests do', async () => {
    const watch = new NameWatch('kqzt')
    const event = { Actor: { Attributes: { name: 'quiet-0', ...instance('a') } } }
    const events = Readable.from([Buffer.from(`${JSON.stringify(event)}\n`)])
    await watch.start({ getEvents: async () => events })
    await finished(events)
    await setImmediate()
    expect(watch.stop().failures).to.deep.equal([
      'names of containers were not watched to the end: the engine ended it'
    ])
  })
})
