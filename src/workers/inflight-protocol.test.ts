import { expect } from 'chai'
import fc from 'fast-check'
import { EndpointTable } from '../gateway/endpoints.ts'
import { Inflight } from '../gateway/inflight.ts'
import { CallSummer } from './call-sums.ts'
import type { Report, TableChange } from './protocol.ts'
import { RemoteInflight } from './remote-inflight.ts'
import { Reporter } from './reporter.ts'
import { TableCopy } from './table-copy.ts'
import type { TableFeed } from './table-feed.ts'
import { TableVersions } from './table-versions.ts'

const KEYS = ['ns/a', 'ns/b'] as const
const IDS = ['c1', 'c2', 'c3'] as const

const routeOf = (key: string, ids: readonly string[]) => ({
  ...{ key, uid: 'u', replicas: ids.length },
  endpoints: ids.map(containerId => ({ containerId, host: 'h', port: 1 }))
})
const inTable = (table: EndpointTable, id: string) =>
  [...table.routes()].some(({ endpoints }) => endpoints.some(e => e.containerId === id))

/** A worker's end, with what is on its way to it and from it. */
class End {
  readonly down: TableChange[] = []
  readonly up: Report[] = []
  readonly table = new EndpointTable()
  readonly inflight = new Inflight()
  readonly calls: { id: string; end: () => void }[] = []
  readonly reporter: Reporter
  readonly copy: TableCopy
  feed: TableFeed | undefined

  constructor() {
    this.copy = new TableCopy(this.table, this.inflight, { worker: 1, of: 2 }, () => this.reporter.tell())
    this.reporter = new Reporter({
      ...{ inflight: this.inflight, calls: new CallSummer(), version: () => this.copy.version },
      send: (report, sent) => {
        this.up.push(structuredClone(report))
        sent()
      }
    })
  }

  receive(): void {
    const change = this.down.shift()
    if (change === undefined) return
    this.copy.apply(change)
    this.reporter.tell()
  }

  call(id: string): void {
    if (inTable(this.table, id)) this.calls.push({ id, end: this.inflight.acquire(id) })
  }

  endCall(): void {
    this.calls.shift()?.end()
  }

  /** Whether a call of the container runs here, or may yet begin: it is in the copy, or in what is on its way to it. */
  mayHave(id: string): boolean {
    return (
      this.calls.some(call => call.id === id) ||
      inTable(this.table, id) ||
      this.down.some(({ routes }) => routes.some(route => route.endpoints.some(e => e.containerId === id)))
    )
  }
}

/** The controller's end of two workers. */
class World {
  readonly table = new EndpointTable()
  readonly remote = new RemoteInflight()
  readonly ends: End[] = []
  readonly idle: string[] = []
  readonly versions: TableVersions
  #numbers = 0
  readonly #numberOf = new Map<End, number>()

  constructor() {
    this.versions = new TableVersions({
      ...{ table: this.table, onLeft: (id, version) => this.remote.left(id, version) },
      onEntered: id => this.remote.entered(id)
    })
    new Inflight(this.remote).onIdle(id => this.idle.push(id))
    for (let i = 0; i < 2; i++) this.spawn(i)
  }

  /** In the place of the one that was there, if any. */
  spawn(place: number): void {
    const old = this.ends[place]
    if (old !== undefined) {
      this.remote.detach(this.#numberOf.get(old) ?? 0)
      if (old.feed) this.versions.close(old.feed)
    }
    const end = new End()
    const number = ++this.#numbers
    this.#numberOf.set(end, number)
    this.ends[place] = end
    end.feed = this.versions.open(change => end.down.push(structuredClone(change)))
    this.remote.attach(number)
    end.down.push(structuredClone(end.feed.whole()))
  }

  hear(place: number): void {
    const end = this.ends[place]
    const report = end?.up.shift()
    if (end === undefined || report === undefined) return
    this.remote.report(this.#numberOf.get(end) ?? 0, report.version, report.inflight)
    end.feed?.taken(report.version)
  }

  check(): void {
    for (const id of IDS) {
      if (inTable(this.table, id)) continue
      const running = this.ends.flatMap(({ calls }) => calls).filter(call => call.id === id).length
      const may = this.ends.some(end => end.mayHave(id))
      if (this.remote.count(id) > 0) continue
      expect({ running, may }, `${id}, which is told idle`).to.deep.equal({ running: 0, may: false })
    }
  }

  /** Everything on its way arrives, and every call ends. */
  settle(): void {
    for (let round = 0; round < 4; round++) {
      for (const [place, end] of this.ends.entries()) {
        end.feed?.flush()
        while (end.down.length > 0) end.receive()
        while (end.calls.length > 0) end.endCall()
        end.reporter.tell()
        while (end.up.length > 0) this.hear(place)
      }
    }
  }
}

const place = fc.constantFrom(0, 1)
const id = fc.constantFrom(...IDS)
const deed = fc.oneof(
  fc.record({ do: fc.constant('put' as const), key: fc.constantFrom(...KEYS), ids: fc.subarray([...IDS]) }),
  fc.record({ do: fc.constant('remove' as const), key: fc.constantFrom(...KEYS) }),
  fc.record({ do: fc.constant('flush' as const), place }),
  fc.record({ do: fc.constant('receive' as const), place }),
  fc.record({ do: fc.constant('call' as const), place, id }),
  fc.record({ do: fc.constant('end' as const), place }),
  fc.record({ do: fc.constant('tell' as const), place }),
  fc.record({ do: fc.constant('hear' as const), place }),
  fc.record({ do: fc.constant('die' as const), place })
)
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never

function carryOut(world: World, act: Deed): void {
  switch (act.do) {
    case 'put':
      // A container is of one function.
      if (
        !act.ids.some(one =>
          world.table.get(KEYS.find(key => key !== act.key) ?? '')?.endpoints.some(e => e.containerId === one)
        )
      )
        world.table.put(routeOf(act.key, act.ids))
      break
    case 'remove':
      world.table.remove(act.key)
      break
    case 'flush':
      world.ends[act.place]?.feed?.flush()
      break
    case 'receive':
      world.ends[act.place]?.receive()
      break
    case 'call':
      world.ends[act.place]?.call(act.id)
      break
    case 'end':
      world.ends[act.place]?.endCall()
      break
    case 'tell':
      world.ends[act.place]?.reporter.tell()
      break
    case 'hear':
      world.hear(act.place)
      break
    case 'die':
      world.spawn(act.place)
      break
    default:
      act satisfies never
  }
}

describe('calls in flight by way of workers', () => {
  it('are never told too low for a container that left the table, whatever is on its way, and end in being told idle', () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60 }), deeds => {
        const world = new World()
        world.table.put(routeOf('ns/a', ['c1', 'c2']))
        for (const act of deeds) {
          carryOut(world, act)
          world.check()
        }
        const left = IDS.filter(one => !inTable(world.table, one) && world.remote.count(one) > 0)
        world.idle.length = 0
        world.settle()
        for (const end of world.ends) expect([...end.table.routes()]).to.have.deep.members([...world.table.routes()])
        for (const one of IDS) expect(world.remote.count(one), one).to.equal(0)
        expect(world.idle).to.include.members(left)
      }),
      { numRuns: 500 }
    )
  })

  it('counts a call at least from the tick in which a container leaves until every worker goes by that', () => {
    const world = new World()
    world.table.put(routeOf('ns/a', ['c1']))
    world.settle()
    world.table.put(routeOf('ns/a', []))
    expect(world.remote.count('c1')).to.equal(1)
    world.ends[0]?.feed?.flush()
    world.ends[0]?.receive()
    world.hear(0)
    expect(world.remote.count('c1')).to.equal(1)
    world.ends[1]?.feed?.flush()
    world.ends[1]?.receive()
    world.hear(1)
    expect(world.remote.count('c1')).to.equal(0)
    expect(world.idle).to.deep.equal(['c1'])
  })

  it('tells at once of the last call of a container that has left', () => {
    const world = new World()
    world.table.put(routeOf('ns/a', ['c1']))
    world.settle()
    const [end] = world.ends
    end?.call('c1')
    world.table.put(routeOf('ns/a', []))
    for (const one of world.ends) one.feed?.flush()
    for (const [at, one] of world.ends.entries()) {
      one.receive()
      world.hear(at)
    }
    expect(world.remote.count('c1')).to.equal(1)
    end?.endCall()
    world.hear(0)
    expect(world.remote.count('c1')).to.equal(0)
  })

  it('end with a replica of which the controller says so, once its route is known', () => {
    const world = new World()
    world.table.put(routeOf('ns/a', ['c1']))
    world.settle()
    const ended: string[] = []
    for (const { table } of world.ends) {
      table.onEnd((id, why) => ended.push(`${id} ${why} ${table.get('ns/a')?.endpoints.length}`))
    }
    world.table.drop('ns/a', 'c1')
    world.settle()
    world.table.end('c1', 'stopped')
    world.settle()
    expect(ended).to.deep.equal(['c1 died 0', 'c1 died 0', 'c1 stopped 0', 'c1 stopped 0'])
  })

  it('go with the worker that had them', () => {
    const world = new World()
    world.table.put(routeOf('ns/a', ['c1']))
    world.settle()
    world.ends[0]?.call('c1')
    world.ends[0]?.reporter.tell()
    world.hear(0)
    expect(world.remote.total()).to.equal(1)
    world.spawn(0)
    expect(world.remote.total()).to.equal(0)
  })
})
