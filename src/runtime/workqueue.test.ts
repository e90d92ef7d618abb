import { expect } from 'chai'
import fc from 'fast-check'
import { ManualTime, settle } from '../../test/helpers/manual-time.ts'
import { Workqueue, type WorkqueueObserver } from './workqueue.ts'

/** A queue whose work ends when the test says so. */
function aQueue({ concurrency = 2, autoStart = true, observer = undefined as WorkqueueObserver | undefined } = {}) {
  const time = new ManualTime()
  const runs: string[] = []
  const open = new Map<string, () => void>()
  const queue = new Workqueue({
    ...{ name: 'test', concurrency, clock: time, timers: time, autoStart },
    ...(observer === undefined ? {} : { observer }),
    work: key => {
      if (open.has(key)) throw new Error(`${key} is worked on twice at the same time`)
      runs.push(key)
      return new Promise(resolve => open.set(key, resolve))
    }
  })
  const finish = async (key: string) => {
    const resolve = open.get(key)
    open.delete(key)
    resolve?.()
    await settle()
  }
  return { queue, time, runs, open, finish }
}

describe('Workqueue', () => {
  it('works on a key once, however often it was added before', async () => {
    const { queue, runs, finish } = aQueue({ concurrency: 1 })
    queue.add('a')
    for (let i = 0; i < 10; i++) queue.add('b')
    await finish('a')
    await finish('b')
    expect(runs).to.deep.equal(['a', 'b'])
  })

  it('works on a key again when it was added meanwhile, but never twice at the same time', async () => {
    const { queue, runs, finish } = aQueue()
    queue.add('a')
    await settle()
    queue.add('a')
    queue.add('a')
    await settle()
    expect(runs).to.deep.equal(['a'])
    await finish('a')
    expect(runs).to.deep.equal(['a', 'a'])
    await finish('a')
    expect(runs).to.have.length(2)
  })

  it('works before all others on what was added first, whether it waits already or not, and runs nothing twice', async () => {
    const { queue, runs, finish } = aQueue({ concurrency: 1 })
    queue.addFirst('a')
    for (const key of 'bcd') queue.add(key)
    queue.addFirst('d')
    queue.addFirst('e')
    queue.addFirst('a')
    await settle()
    for (const key of 'adeabc') await finish(key)
    expect(runs.join('')).to.equal('adeabc')
    queue.addFirst('b')
    await finish('b')
    expect(runs.join('')).to.equal('adeabcb')
  })

  it('works on what is urgent though all workers are busy, once, and never beside itself', async () => {
    const { queue, runs, finish } = aQueue({ concurrency: 1 })
    for (const key of 'abcd') queue.add(key)
    await settle()
    queue.addUrgent('c')
    queue.addUrgent('a')
    queue.addUrgent('x')
    await settle()
    expect(runs.join('')).to.equal('ac')
    await finish('c')
    expect(runs.join('')).to.equal('acx')
    await finish('x')
    await finish('a')
    expect(runs.slice(3).sort().join('')).to.equal('ab')
    for (const key of 'abd') await finish(key)
    expect(runs.sort().join('')).to.equal('aabcdx')
    expect([queue.depth, queue.running]).to.deep.equal([0, 0])
  })

  it('works after all others on what was added last, unless that is wanted sooner meanwhile', async () => {
    const { queue, runs, finish } = aQueue({ concurrency: 1 })
    queue.add('a')
    for (const key of 'bcde') queue.addLast(key)
    queue.add('f')
    queue.add('d')
    queue.addFirst('e')
    queue.addLast('f')
    queue.addLast('a')
    await settle()
    for (const key of 'aefdbca') await finish(key)
    expect(runs.join('')).to.equal('aefdbca')
  })

  it('works on as many keys at the same time as it may', async () => {
    const { queue, open } = aQueue({ concurrency: 3 })
    for (const key of 'abcdef') queue.add(key)
    await settle()
    expect([...open.keys()].join('')).to.equal('abc')
    expect([queue.depth, queue.running]).to.deep.equal([3, 3])
  })

  it('has a key that is due or worked on, not one that becomes due later', async () => {
    const { queue, finish } = aQueue({ concurrency: 1 })
    queue.add('a')
    queue.add('b')
    queue.addAfter('c', 10)
    await settle()
    expect(['a', 'b', 'c', 'd'].map(key => queue.has(key))).to.deep.equal([true, true, false, false])
    await finish('a')
    await finish('b')
    expect(['a', 'b'].map(key => queue.has(key))).to.deep.equal([false, false])
  })

  it('takes the earlier of two delays, whichever was asked for first', async () => {
    for (const delays of [
      [1000, 600_000],
      [600_000, 1000]
    ]) {
      const { queue, time, runs } = aQueue()
      for (const ms of delays) queue.addAfter('a', ms)
      await time.advance(999)
      expect(runs).to.deep.equal([])
      await time.advance(1)
      expect(runs).to.deep.equal(['a'])
      expect([queue.delayed, time.pending]).to.deep.equal([0, 0])
    }
  })

  it('forgets a delay when the key is due at once', async () => {
    const { queue, time, runs, finish } = aQueue()
    queue.addAfter('a', 1000)
    queue.add('a')
    await finish('a')
    await settle()
    await finish('a')
    await time.advance(5000)
    expect(runs).to.deep.equal(['a'])
  })

  it('keeps a delay that was asked for while the key was worked on', async () => {
    const { queue, time, runs, finish } = aQueue()
    queue.add('a')
    await settle()
    queue.addAfter('a', 1000)
    await finish('a')
    await time.advance(1000)
    expect(runs).to.deep.equal(['a', 'a'])
  })

  it('takes a delay of nothing for now', async () => {
    const { queue, runs } = aQueue()
    queue.addAfter('a', 0)
    queue.addAfter('b', -5)
    await settle()
    expect(runs).to.deep.equal(['a', 'b'])
  })

  it('keeps what is added before the start, and begins then', async () => {
    const { queue, runs } = aQueue({ autoStart: false })
    queue.add('a')
    await settle()
    expect(runs).to.deep.equal([])
    queue.start()
    await settle()
    expect(runs).to.deep.equal(['a'])
  })

  it('stops: drops what waits, takes nothing new, and waits for what is worked on', async () => {
    const { queue, time, runs, finish } = aQueue({ concurrency: 1 })
    for (const key of 'ab') queue.add(key)
    queue.addAfter('c', 10)
    await settle()
    queue.add('a')
    let stopped = false
    const done = queue.stop().then(() => {
      stopped = true
    })
    queue.add('d')
    queue.addAfter('e', 10)
    await time.advance(1000)
    expect(stopped).to.equal(false)
    await finish('a')
    await done
    expect(runs).to.deep.equal(['a'])
    expect([queue.depth, queue.running, queue.delayed, time.pending]).to.deep.equal([0, 0, 0, 0])
  })

  it('stops at once when it was never started', async () => {
    const { queue } = aQueue({ autoStart: false })
    queue.add('a')
    await queue.stop()
    expect(queue.depth).to.equal(0)
  })

  it('tells how long keys waited and were worked on', async () => {
    const told: string[] = []
    let state: Parameters<WorkqueueObserver['watch']>[0] = () => ({ depth: -1, unfinishedSeconds: -1 })
    const observer: WorkqueueObserver = {
      added: () => told.push('added'),
      waited: seconds => told.push(`waited ${seconds}`),
      worked: seconds => told.push(`worked ${seconds}`),
      watch: read => {
        state = read
      }
    }
    const { queue, time, finish } = aQueue({ concurrency: 1, observer })
    queue.add('a')
    queue.add('b')
    queue.add('b')
    await time.advance(2000)
    expect(state()).to.deep.equal({ depth: 1, unfinishedSeconds: 2 })
    await finish('a')
    expect(told).to.deep.equal(['added', 'waited 0', 'added', 'worked 2', 'waited 2'])
  })

  it('loses no wish, exceeds no bound and holds nothing when idle, whatever the order of adds and ends', () =>
    fc.assert(fc.asyncProperty(fc.array(Move, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), checkHistory), {
      numRuns: 200
    }))
})

const KEYS = ['a', 'b', 'c', 'd']
const Key = fc.constantFrom(...KEYS)
const Move = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), key: Key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('finish' as const), key: Key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('later' as const), key: Key, ms: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), key: Key, ms: fc.nat(50) }) }
)
type Move = typeof Move extends fc.Arbitrary<infer T> ? T : never
type TestQueue = ReturnType<typeof aQueue>

async function checkHistory(moves: readonly Move[], concurrency: number): Promise<void> {
  const test = aQueue({ concurrency })
  /** Key → how many runs had begun when it was last wanted; a later run must follow. */
  const wanted = new Map<string, number>()
  const begun = (key: string) => test.runs.filter(run => run === key).length
  for (const move of moves) {
    if (move.kind === 'add' || move.kind === 'later') wanted.set(move.key, begun(move.key))
    await make(move, test)
    checkBounds(test, concurrency)
  }
  while (test.open.size > 0 || test.queue.delayed > 0) {
    for (const key of [...test.open.keys()]) await test.finish(key)
    await test.time.advance(50)
  }
  for (const [key, before] of wanted) expect(begun(key), key).to.be.greaterThan(before)
  expect([test.queue.depth, test.queue.running, test.queue.delayed, test.time.pending]).to.deep.equal([0, 0, 0, 0])
}

async function make(move: Move, { queue, time, finish }: TestQueue): Promise<void> {
  if (move.kind === 'wait') await time.advance(move.ms)
  else if (move.kind === 'finish') await finish(move.key)
  else if (move.kind === 'later') queue.addAfter(move.key, move.ms)
  else queue.add(move.key)
  await settle()
}

function checkBounds({ queue, open }: TestQueue, concurrency: number): void {
  expect(open.size).to.be.at.most(concurrency)
  expect(queue.running).to.equal(open.size)
  for (const key of open.keys()) expect(queue.has(key)).to.equal(true)
  const waiting = KEYS.filter(key => queue.has(key) && !open.has(key))
  if (waiting.length > 0) expect(open.size, `workers while ${waiting} wait`).to.equal(concurrency)
}
