import { expect } from 'chai'
import type { Engine } from '../../src/engine/engine.ts'
import { AUTHORIZATION } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import type { FakeEngine } from '../helpers/fake-engine.ts'
import { LogWorld } from '../helpers/log-world.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

const at = (second: number, nanos = 0) =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.${String(nanos).padStart(9, '0')}Z`

describe('GET /system/logs', () => {
  let world: LogWorld
  beforeEach(async () => {
    world = await LogWorld.start()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  describe('reads', () => {
    it('lines as faas-cli wants them', async () => {
      await world.run('hello-0')
      world.engine.log('hello-0', { timestamp: at(1, 123456789), text: 'one "quoted"' })
      const client = await world.open('name=hello')
      expect(client.response.headers.get('content-type')).to.equal('application/x-ndjson')
      expect(await client.next()).to.deep.equal({
        name: 'hello',
        namespace: 'openfaas-fn',
        instance: 'hello-0',
        timestamp: at(1, 123456789),
        text: 'one "quoted"'
      })
      expect(await client.next()).to.equal('end')
    })

    it('the lines of all replicas by time, running or not', async () => {
      await world.run('hello-0')
      await world.run('hello-1')
      await world.run('other-0', 'other')
      world.engine.log('hello-0', { timestamp: at(1), text: 'a' }, { timestamp: at(4), text: 'd' })
      world.engine.log('hello-1', { timestamp: at(2), text: 'b' }, { timestamp: at(3), text: 'c', stream: 'stderr' })
      world.engine.log('other-0', 'not hers')
      world.engine.exit('hello-1', 1)
      const lines = ['hello-0: a', 'hello-1: b', 'hello-1: c', 'hello-0: d']
      expect(await world.read('name=hello&follow=false&tail=-1&namespace=openfaas-fn')).to.deep.equal(lines)
      expect(await world.read('name=hello&follow=0&tail=0&since=')).to.deep.equal(lines)
      expect(await world.read('name=hello&follow=False')).to.deep.equal(lines)
    })

    it('the last lines of each replica, those since a time, those of one replica', async () => {
      await world.run('hello-0')
      await world.run('hello-1')
      for (const second of [1, 2, 3]) {
        world.engine.log('hello-0', { timestamp: at(second), text: `${second}` })
        world.engine.log('hello-1', { timestamp: at(second, 5), text: `${second}` })
      }
      expect(await world.read('name=hello&tail=1')).to.deep.equal(['hello-0: 3', 'hello-1: 3'])
      expect(await world.read(`name=hello&since=${at(2, 5)}`)).to.deep.equal(['hello-1: 2', 'hello-0: 3', 'hello-1: 3'])
      const offset = encodeURIComponent('2026-01-01T01:00:03+01:00')
      expect(await world.read(`name=hello&since=${offset}`)).to.deep.equal(['hello-0: 3', 'hello-1: 3'])
      expect(await world.read('name=hello&since=2026-01-01T01:00:03+01:00')).to.have.length(2)
      expect(await world.read('name=hello&instance=hello-1&tail=2')).to.deep.equal(['hello-1: 2', 'hello-1: 3'])
      expect(await world.read('name=hello&instance=hello-7')).to.deep.equal([])
    })

    it('those of the last minutes', async () => {
      await world.run('hello-0')
      world.engine.log('hello-0', { timestamp: new Date(Date.now() - 600_000).toISOString(), text: 'old' }, 'young')
      expect(await world.read('name=hello&since=5m')).to.deep.equal(['hello-0: young'])
      expect(await world.read('name=hello&since=1h30m')).to.have.length(2)
    })

    it('what replicas wrote last that are gone, with their names', async () => {
      const { uid } = (await world.api.request('GET', '/v1/functions/hello')).json.metadata
      const id = await world.run('hello-0')
      world.engine.log('hello-0', { timestamp: at(3), text: 'here' })
      const keep = (containerId: string, ...seconds: number[]) =>
        world.api.store.lastLines.put({
          ...{ containerId, uid, instance: `hello-0-${containerId}`, removedAt: 1 },
          lines: seconds.map(second => ({ timestamp: at(second), text: `${second}` }))
        })
      await keep('aaaa', 1, 4)
      await keep('bbbb', 2)
      await keep(id, 1)
      const lines = ['hello-0-aaaa: 1', 'hello-0-bbbb: 2', 'hello-0: here', 'hello-0-aaaa: 4']
      expect(await world.read('name=hello')).to.deep.equal(lines)
      expect(await (await world.open('name=hello&follow=true')).take(4)).to.deep.equal(lines)
      expect(await world.read('name=hello&tail=1')).to.deep.equal(lines.slice(1))
      expect(await world.read(`name=hello&since=${at(3)}`)).to.deep.equal(lines.slice(2))
      expect(await world.read('name=hello&instance=hello-0-aaaa')).to.deep.equal(['hello-0-aaaa: 1', 'hello-0-aaaa: 4'])
    })

    it('the last so many of a replica, also when its container is not the first', async () => {
      const { uid } = (await world.api.request('GET', '/v1/functions/hello')).json.metadata
      await world.run('hello-0')
      world.engine.log('hello-0', { timestamp: at(5), text: '5' }, { timestamp: at(6), text: '6' })
      for (const [index, containerId] of ['aaaa', 'bbbb'].entries()) {
        await world.api.store.lastLines.put({
          ...{ containerId, uid, instance: 'hello-0', removedAt: 1 },
          lines: [1, 3].map(second => ({ timestamp: at(second + index), text: `${second + index}` }))
        })
      }
      const lines = ['1', '2', '3', '4', '5', '6'].map(text => `hello-0: ${text}`)
      expect(await world.read('name=hello')).to.deep.equal(lines)
      for (const tail of [1, 3, 5, 9])
        expect(await world.read(`name=hello&tail=${tail}`)).to.deep.equal(lines.slice(-tail))
    })

    it('what the engine gives, and none of a replica whose log it refuses', async () => {
      await world.run('hello-0')
      world.engine.fail('container_logs', 'other')
      expect(await world.read('name=hello')).to.deep.equal([])
    })

    it('and cuts the answer when the engine goes away in the middle', async () => {
      await world.run('hello-0')
      world.engine.fail('container_logs', 'unavailable')
      expect(await (await world.open('name=hello')).take(1)).to.deep.equal(['cut'])
    })
  })

  describe('refuses', () => {
    for (const [query, said] of [
      ['', 'name: is missing'],
      ['name=', 'name: is missing'],
      ['name=hello&tail=many', 'tail: must be a whole number, got "many"'],
      ['name=hello&follow=perhaps', 'follow: must be true or false, got "perhaps"'],
      ['name=hello&since=yesterday', 'since: must be a time such as '],
      ['name=hello&since=300', 'since: must be a time such as '],
      ['name=hello&since=2026-13-01T00:00:00Z', 'since: must be a time such as '],
      ['name=hello&name=hello', 'name: must be given once']
    ] as const) {
      it(`?${query}`, async () => {
        const { status, text } = await world.api.request('GET', `/system/logs?${query}`)
        expect({ status, text }).to.deep.equal({ status: 400, text })
        expect(text).to.contain(said)
      })
    }

    it('what is no function, and one whose deletion was asked for', async () => {
      expect((await world.api.request('GET', '/system/logs?name=nobody')).status).to.equal(404)
      expect((await world.api.request('GET', '/system/logs?name=hello&namespace=other')).status).to.equal(404)
      await world.api.request('DELETE', '/v1/functions/hello')
      expect((await world.api.request('GET', '/system/logs?name=hello')).status).to.equal(404)
    })

    it('callers without the scope, and those of other namespaces as if there were nothing', async () => {
      const bearer = async (scopes: string[], namespaces: string[]) => {
        const made = await world.api.request('POST', '/v1/tokens', {
          name: `t-${scopes.join('-')}`,
          scopes,
          namespaces
        })
        return `Bearer ${made.json.token}`
      }
      await createNamespaces(world.api.store, ['other'])
      const status = async (authorization: string) => (await world.open('name=hello', authorization)).response.status
      expect(await status('')).to.equal(401)
      expect(await status('Bearer ')).to.equal(401)
      expect(await status(await bearer(['invoke'], ['openfaas-fn']))).to.equal(403)
      expect(await status(await bearer(['read'], ['other']))).to.equal(404)
      expect(await status(await bearer(['read', 'invoke'], ['openfaas-fn']))).to.equal(200)
    })

    it('more readers than there may be, until one leaves', async () => {
      const readers = await Promise.all(Array.from({ length: 10 }, () => world.open('name=hello&follow=true')))
      const refused = await world.api.request('GET', '/system/logs?name=hello')
      expect(refused.status).to.equal(503)
      expect(refused.headers.get('retry-after')).to.equal('5')
      expect(world.metrics).to.include({ readers: 10, refused: 1 })
      readers[0]?.leave()
      await eventually(async () =>
        expect((await world.api.request('GET', '/system/logs?name=hello')).status).to.equal(200)
      )
    })
  })

  describe('keeps room', () => {
    it('for others when one token takes all that it can get', async () => {
      const made = await world.api.request('POST', '/v1/tokens', { name: 'greedy', scopes: ['read'] })
      const greedy = `Bearer ${made.json.token}`
      const readers = await Promise.all(Array.from({ length: 10 }, () => world.open('name=hello&follow=true', greedy)))
      const admitted = readers.filter(({ response }) => response.status === 200)
      expect(admitted).to.have.length(5)
      expect((await world.api.request('GET', '/system/logs?name=hello')).status).to.equal(200)
      admitted[0]?.leave()
      await eventually(async () => {
        const again = await world.open('name=hello&follow=true', greedy)
        expect(again.response.status).to.equal(200)
      })
    })
  })

  describe('follows', () => {
    it('what is there and then what comes, headers first', async () => {
      const silent = await world.open('name=hello&follow=True')
      expect(silent.response.status).to.equal(200)
      await world.run('hello-0')
      world.engine.log('hello-0', 'first')
      expect(await silent.take(1)).to.deep.equal(['hello-0: first'])
      const client = await world.open('name=hello&follow=true')
      world.engine.log('hello-0', 'second')
      expect(await client.take(2)).to.deep.equal(['hello-0: first', 'hello-0: second'])
      const tail = await world.open('name=hello&follow=true&tail=1')
      expect(await tail.take(1)).to.deep.equal(['hello-0: second'])
      world.engine.log('hello-0', 'third')
      for (const reader of [client, tail]) expect(await reader.take(1)).to.deep.equal(['hello-0: third'])
      await eventually(() => expect(world.metrics.lines).to.equal(8))
    })

    it('nothing that is older than what was asked for, though nothing is younger yet', async () => {
      await world.run('hello-0')
      world.engine.log('hello-0', { timestamp: at(1), text: 'old' })
      const client = await world.open(`name=hello&follow=true&since=${at(30)}`)
      world.engine.log('hello-0', 'new')
      expect(await client.take(1)).to.deep.equal(['hello-0: new'])
    })

    it('successors of replicas, from their first line on, and those that come beside them', async () => {
      await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      world.engine.log('hello-0', 'old')
      expect(await client.take(1)).to.deep.equal(['hello-0: old'])
      await world.engine.renameContainer('hello-0', 'hello-0-aaaa')
      await world.run('hello-0')
      world.engine.log('hello-0', 'new')
      expect(await client.take(1)).to.deep.equal(['hello-0: new'])
      world.engine.log('hello-0-aaaa', 'last words')
      expect(await client.take(1)).to.deep.equal(['hello-0-aaaa: last words'])
      await world.engine.removeContainer('hello-0-aaaa')
      await world.run('hello-1')
      world.engine.log('hello-1', 'beside')
      expect(await client.take(1)).to.deep.equal(['hello-1: beside'])
    })

    it('a container through its restart, no line twice and none lost, also those of one time', async () => {
      await world.run('hello-0')
      world.engine.log('hello-0', { timestamp: at(1), text: 'a' }, { timestamp: at(2), text: 'b' })
      world.engine.log('hello-0', { timestamp: at(2), text: 'c' })
      const client = await world.open('name=hello&follow=true')
      expect(await client.take(3)).to.deep.equal(['hello-0: a', 'hello-0: b', 'hello-0: c'])
      world.engine.exit('hello-0', 1)
      world.engine.log('hello-0', { timestamp: at(2), text: 'd' })
      await world.engine.startContainer('hello-0')
      world.engine.log('hello-0', { timestamp: at(3), text: 'e' })
      expect(await client.take(2)).to.deep.equal(['hello-0: d', 'hello-0: e'])
      world.engine.exit('hello-0', 0)
      await world.engine.startContainer('hello-0')
      world.engine.log('hello-0', { timestamp: at(3), text: 'f' })
      expect(await client.take(1)).to.deep.equal(['hello-0: f'])
    })

    it('a container that wrote much while it could not be read', async () => {
      await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      world.engine.log('hello-0', 'before')
      expect(await client.take(1)).to.deep.equal(['hello-0: before'])
      world.engine.fail('container_logs', 'unavailable')
      world.engine.exit('hello-0', 0)
      await world.engine.startContainer('hello-0')
      const texts = Array.from({ length: 2000 }, (_, n) => `${n}`)
      world.engine.log('hello-0', ...texts)
      expect(await client.take(2000)).to.deep.equal(texts.map(text => `hello-0: ${text}`))
    })

    it('a replica that is gone before it was read to its end, by what was kept of it', async () => {
      const { uid } = (await world.api.request('GET', '/v1/functions/hello')).json.metadata
      const id = await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      world.engine.log('hello-0', { timestamp: at(1), text: 'a' }, { timestamp: at(2), text: 'b' })
      expect(await client.take(2)).to.deep.equal(['hello-0: a', 'hello-0: b'])
      const lines = [2, 3].map(second => ({ timestamp: at(second), text: second === 2 ? 'b' : 'last words' }))
      await world.api.store.lastLines.put({ containerId: id, uid, instance: 'hello-0', removedAt: 1, lines })
      await world.engine.removeContainer('hello-0')
      expect(await client.take(1)).to.deep.equal(['hello-0: last words'])
    })

    it('one that comes and goes between two looks, by what was kept of it, once', async () => {
      const { uid } = (await world.api.request('GET', '/v1/functions/hello')).json.metadata
      const keep = (containerId: string, instance: string, ...texts: string[]) =>
        world.api.store.lastLines.put({
          ...{ containerId, uid, instance, removedAt: 1 },
          lines: texts.map((text, second) => ({ timestamp: at(second), text }))
        })
      await keep('early', 'hello-0-aaaa', 'before')
      const client = await world.open('name=hello&follow=true')
      const other = await world.open('name=hello&follow=true&instance=hello-1')
      expect(await client.take(1)).to.deep.equal(['hello-0-aaaa: before'])
      await keep('early', 'hello-0-aaaa', 'before', 'too late')
      await keep('brief', 'hello-0', 'I came', 'I went')
      expect(await client.take(2)).to.deep.equal(['hello-0: I came', 'hello-0: I went'])
      const id = await world.run('hello-1')
      world.engine.log('hello-1', 'one', 'two')
      for (const reader of [client, other]) {
        expect(await reader.take(2)).to.deep.equal(['hello-1: one', 'hello-1: two'])
      }
      await keep(id, 'hello-1', 'one', 'two')
      await keep('brief', 'hello-0', 'I came', 'I went')
      await world.engine.removeContainer('hello-1')
      await world.run('hello-2')
      world.engine.log('hello-2', 'next')
      expect(await client.take(1)).to.deep.equal(['hello-2: next'])
    })

    it('on when nobody could look, and tells of it once in a while', async () => {
      const client = await world.open('name=hello&follow=true')
      world.engine.fail('container_list', 'unavailable', { times: 3 })
      for (let failed = 1; failed <= 3; failed++) {
        world.rosters.changed('openfaas-fn/hello')
        await eventually(() => expect(world.metrics.failed).to.equal(failed))
      }
      expect(world.warnings).to.deep.equal(['Failed to look for replicas whose logs are followed'])
      await world.run('hello-0')
      world.engine.log('hello-0', 'after')
      expect(await client.take(1)).to.deep.equal(['hello-0: after'])
    })

    it('on when the engine was away', async () => {
      await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      world.engine.log('hello-0', 'before')
      expect(await client.take(1)).to.deep.equal(['hello-0: before'])
      world.engine.fail('container_logs', 'unavailable', { times: 2 })
      world.engine.exit('hello-0', 0)
      await eventually(() => expect(world.warnings).to.deep.equal(['Lost log that is followed']))
      await world.engine.startContainer('hello-0')
      world.engine.log('hello-0', 'after')
      expect(await client.take(1)).to.deep.equal(['hello-0: after'])
    })

    it('with one look of the engine for all who follow, and none when nobody does', async () => {
      await world.run('hello-0')
      expect(world.lists.count).to.equal(0)
      const clients = await Promise.all(Array.from({ length: 5 }, () => world.open('name=hello&follow=true')))
      const before = world.lists.count
      await world.run('hello-1')
      world.engine.log('hello-1', 'x')
      for (const client of clients) expect(await client.take(1)).to.deep.equal(['hello-1: x'])
      // Of the creation, the start, and one that falls between them.
      expect(world.lists.count - before).to.be.at.most(3)
    })

    it('until the function is gone, with what it wrote last', async () => {
      await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      world.engine.log('hello-0', 'one')
      expect(await client.take(1)).to.deep.equal(['hello-0: one'])
      const { uid } = (await world.api.request('GET', '/v1/functions/hello')).json.metadata
      await world.api.request('DELETE', '/v1/functions/hello')
      world.engine.log('hello-0', 'last')
      await world.engine.removeContainer('hello-0')
      await world.api.store.functions.remove('openfaas-fn/hello', uid)
      expect(await client.take(2)).to.deep.equal(['hello-0: last', 'end'])
    })

    it('until the gateway stops', async () => {
      await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      world.api.shutDown()
      expect(await client.take(1)).to.deep.equal(['end'])
      await eventually(() => expect(world.metrics.readers).to.equal(0))
    })

    it('and cuts what is no follow when the gateway stops in the middle, as it is not whole', async () => {
      await world.run('hello-0')
      const text = 'x'.repeat(60_000)
      world.engine.log('hello-0', ...Array.from({ length: 1000 }, () => text))
      const client = await world.open('name=hello')
      expect(await client.take(1)).to.deep.equal([`hello-0: ${text}`])
      world.api.shutDown()
      expect((await client.take(1000)).at(-1)).to.equal('cut')
    })

    it('until the token is revoked', async () => {
      const made = await world.api.request('POST', '/v1/tokens', { name: 'reader', scopes: ['read'] })
      const client = await world.open('name=hello&follow=true', `Bearer ${made.json.token}`)
      expect(client.response.status).to.equal(200)
      const revoked = await world.api.request('DELETE', `/v1/tokens/${made.json.id}`, undefined, {
        authorization: AUTHORIZATION
      })
      expect(revoked.status).to.be.below(300)
      expect(await client.take(1)).to.deep.equal(['cut'])
      await eventually(() => expect(world.metrics.readers).to.equal(0))
    })

    it('for nobody who left before the log was opened', async () => {
      const { functions } = world.api.store
      const get = functions.get.bind(functions)
      const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      functions.get = async key => {
        asked.resolve()
        await held.promise
        return get(key)
      }
      const gone = new AbortController()
      const path = '/system/logs?name=hello&follow=true'
      const request = { headers: { authorization: AUTHORIZATION }, signal: gone.signal }
      const left = fetch(`${world.api.url}${path}`, request).catch(() => 'left')
      await asked.promise
      gone.abort()
      expect(await left).to.equal('left')
      await eventually(() => expect(world.api.observed.map(({ path }) => path)).to.include('/system/logs'))
      held.resolve()
      const readers = await Promise.all(Array.from({ length: 10 }, () => world.open('name=hello&follow=true')))
      expect(readers.map(({ response }) => response.status)).to.deep.equal(Array.from({ length: 10 }, () => 200))
    })

    it('until the client leaves, and stops reading from the engine then', async () => {
      await world.run('hello-0')
      const client = await world.open('name=hello&follow=true')
      client.leave()
      await eventually(() => expect(world.metrics.readers).to.equal(0))
      const before = world.lists.count
      await world.run('hello-1')
      await eventually(() => expect(world.engine.containers()).to.have.length(2))
      expect(world.lists.count).to.equal(before)
    })
  })
})

describe('a reader of logs that does not read', () => {
  let world: LogWorld
  afterEach(() => world[Symbol.asyncDispose]())

  it('stops the reading from the engine', async () => {
    let read = 0
    let ended = 0
    const text = 'x'.repeat(10_000)
    const endless = (_: FakeEngine): Pick<Engine, 'readLogs'> => ({
      async *readLogs(_id, { follow }, signal) {
        try {
          while (follow === true && !signal.aborted) {
            read++
            if (read % 100 === 0) await new Promise(resolve => setImmediate(resolve))
            yield { timestamp: at(1), stream: 'stdout', text }
          }
        } finally {
          ended++
        }
      }
    })
    world = await LogWorld.start({}, endless)
    await world.run('hello-0')
    const client = await world.open('name=hello&follow=true')
    expect(await client.take(1)).to.deep.equal([`hello-0: ${text}`])
    const held = await eventually(async () => {
      const before = read
      await new Promise(resolve => setTimeout(resolve, 200))
      expect(read).to.equal(before)
      return before
    })
    // What the sockets and the client's own buffers take is some MB; without back pressure it would grow for ever.
    expect(held * text.length).to.be.below(32 * 2 ** 20)
    await client.take(200)
    await eventually(() => expect(read).to.be.above(held))
    client.leave()
    await eventually(() => expect(ended).to.be.at.least(2))
  })
})
