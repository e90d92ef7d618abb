import { expect } from 'chai'
import { NotFoundError, ValidationError } from '../../api/errors.ts'
import { ManualTime, settle } from '../../test/helpers/manual-time.ts'
import { EngineError } from '../engine/faults.ts'
import type { Logger } from '../logging/logger.ts'
import { Controller, type ControllerObserver } from './controller.ts'
import type { Result } from './reconciler.ts'

type Pass = (key: string, signal: AbortSignal) => Promise<Result>

interface Line {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

function aLog(lines: Line[], bound: object = {}): Logger {
  const at = (level: string) => (fields: object | string, message?: string) =>
    void lines.push({
      ...bound,
      ...(typeof fields === 'string' ? {} : fields),
      level,
      message: message ?? String(fields)
    })
  const child = (fields: object) => aLog(lines, { ...bound, ...fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child }
}

function observer(told: string[]): ControllerObserver {
  const nothing = () => undefined
  return {
    reconciled: result => told.push(result),
    panicked: () => told.push('panicked'),
    timedOut: () => told.push('timed out'),
    queue: { added: nothing, waited: nothing, worked: nothing, watch: nothing, retried: () => told.push('retried') }
  }
}

function aController(reconcile: Pass, { concurrency = 2 } = {}) {
  const time = new ManualTime()
  const lines: Line[] = []
  const told: string[] = []
  const runs: number[] = []
  const controller = new Controller({
    reconciler: {
      name: 'test',
      reconcile: (key, signal) => {
        runs.push(time.now())
        return reconcile(key, signal)
      }
    },
    ...{ concurrency, deadlineMs: 60_000, graceMs: 5000, log: aLog(lines), clock: time, timers: time, random: () => 1 },
    metrics: observer(told)
  })
  controller.start()
  const gaps = () => runs.slice(1).map((at, index) => at - (runs[index] ?? 0))
  return { controller, time, lines, told, runs, gaps }
}

const never = () => new Promise<Result>(() => undefined)
const refused = () => new EngineError('container_create', 'other', 'no')

describe('Controller', () => {
  it('comes back when the pass asks for it, and not when it does not', async () => {
    const results: Result[] = [{ requeueAfter: 5000 }, {}]
    const { controller, time, gaps, told } = aController(async () => results.shift() ?? {})
    controller.add('ns/a')
    await time.advance(3_600_000)
    expect(gaps()).to.deep.equal([5000])
    expect(told).to.deep.equal(['requeue', 'success'])
    expect(time.pending).to.equal(0)
  })

  it('keeps keys that are added before the start', async () => {
    const time = new ManualTime()
    const seen: string[] = []
    const { controller } = aController(async () => ({}))
    const late = new Controller({
      ...{ concurrency: 1, deadlineMs: 1000, log: aLog([]), clock: time, timers: time, random: () => 1 },
      reconciler: { name: 'late', reconcile: async key => ({ requeueAfter: seen.push(key) * 1000 }) },
      metrics: observer([])
    })
    late.add('ns/a')
    await settle()
    expect([seen, late.has('ns/a')]).to.deep.equal([[], true])
    late.start()
    await settle()
    expect(seen).to.deep.equal(['ns/a'])
    expect(controller.has('ns/a')).to.equal(false)
  })

  it('backs off twice as long after each failure, five minutes at most, and starts afresh after a success', async () => {
    let works = false
    const { controller, time, gaps, runs } = aController(async () => {
      if (works) return {}
      throw refused()
    })
    controller.add('ns/a')
    await time.advance(3_600_000)
    expect(gaps().slice(0, 4)).to.deep.equal([200, 400, 800, 1600])
    expect(Math.max(...gaps())).to.equal(300_000)
    works = true
    await time.advance(300_000)
    works = false
    runs.length = 0
    controller.add('ns/a')
    await time.advance(1000)
    expect(gaps().slice(0, 2)).to.deep.equal([200, 400])
  })

  it('runs at once when a key is added during its back-off, which goes on from where it was', async () => {
    const { controller, time, gaps } = aController(() => Promise.reject(refused()))
    controller.add('ns/a')
    await time.advance(200 + 400 + 800 + 100)
    controller.add('ns/a')
    await time.advance(3200)
    expect(gaps()).to.deep.equal([200, 400, 800, 100, 3200])
  })

  it('starts the back-off afresh for a key that was forgiven', async () => {
    const { controller, time, gaps } = aController(() => Promise.reject(refused()))
    controller.add('ns/a')
    await time.advance(200 + 400 + 800)
    controller.forgive('ns/a')
    controller.add('ns/a')
    await time.advance(200)
    expect(gaps()).to.deep.equal([200, 400, 800, 0, 200])
  })

  it('leaves an error that is not retryable to the next change', async () => {
    const { controller, time, runs, told } = aController(() => Promise.reject(new NotFoundError('image', 'x')))
    controller.add('ns/a')
    await time.advance(3_600_000)
    expect(runs).to.have.length(1)
    expect(told).to.deep.equal(['error'])
    controller.add('ns/a')
    await settle()
    expect(runs).to.have.length(2)
  })

  it('comes back within what the error says', async () => {
    const { controller, time, gaps } = aController(() =>
      Promise.reject(Object.assign(refused(), { maxBackoffMs: 10_000 }))
    )
    controller.add('ns/a')
    await time.advance(600_000)
    expect(Math.max(...gaps())).to.equal(10_000)
  })

  it('logs one line per failure, with the key, the id of the pass and the error', async () => {
    const { controller, lines } = aController(() => Promise.reject(new ValidationError([])))
    controller.add('ns/a')
    await settle()
    expect(lines).to.have.length(1)
    expect(lines[0]).to.include({
      controller: 'test',
      key: 'ns/a',
      reconcileId: 1,
      level: 'error',
      message: 'Failed to reconcile'
    })
    expect(lines[0]?.['err']).to.be.instanceOf(ValidationError)
  })

  it('C3: counts what nobody throws on purpose, tries again, and leaves other keys alone', async () => {
    const done: string[] = []
    const { controller, time, told } = aController(async key => {
      if (key === 'ns/bad') throw undefined
      done.push(key)
      return {}
    })
    controller.add('ns/bad')
    controller.add('ns/good')
    await time.advance(200)
    expect(done).to.deep.equal(['ns/good'])
    expect(told.filter(word => word === 'panicked')).to.have.length(2)
  })

  it('C3: takes a throw before the first await for a failed pass', async () => {
    const { controller, told } = aController(() => {
      throw new TypeError('bug')
    })
    controller.add('ns/a')
    await settle()
    expect(told).to.deep.equal(['error', 'panicked', 'retried'])
  })

  it('aborts a pass at its deadline and tries again', async () => {
    const { controller, time, told, lines } = aController((_key, signal) => {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    controller.add('ns/a')
    await time.advance(60_000)
    expect(told).to.deep.equal(['timed out', 'timeout', 'retried'])
    expect(lines.map(({ message }) => message)).to.deep.equal(['Failed to reconcile'])
  })

  it('takes the worker from a pass that ignores its signal, and keeps its key to itself until it ends', async () => {
    let end: (result: Result) => void = () => undefined
    const runs: string[] = []
    const { controller, time, told, lines } = aController(
      key => {
        runs.push(key)
        return key === 'ns/stuck' && runs.length === 1 ? new Promise(resolve => (end = resolve)) : Promise.resolve({})
      },
      { concurrency: 1 }
    )
    controller.add('ns/stuck')
    controller.add('ns/other')
    await time.advance(64_999)
    expect(runs).to.deep.equal(['ns/stuck'])
    await time.advance(1)
    expect(runs).to.deep.equal(['ns/stuck', 'ns/other'])
    expect(lines.map(({ level, key }) => [level, key])).to.deep.equal([['error', 'ns/stuck']])
    controller.add('ns/stuck')
    await time.advance(600_000)
    expect([runs.length, controller.has('ns/stuck'), controller.running]).to.deep.equal([2, true, 1])
    end({})
    await settle()
    expect(runs).to.deep.equal(['ns/stuck', 'ns/other', 'ns/stuck'])
    expect([controller.has('ns/stuck'), controller.running, time.pending]).to.deep.equal([false, 0, 0])
    expect(told.filter(word => word.startsWith('time'))).to.deep.equal(['timed out', 'timeout'])
    expect(lines.filter(({ level }) => level === 'error')).to.have.length(1)
  })

  it('keeps what an overdue pass asks for at its end', async () => {
    let end: (result: Result) => void = () => undefined
    const { controller, time, runs } = aController(() => {
      return runs.length === 1 ? new Promise(resolve => (end = resolve)) : Promise.resolve({})
    })
    controller.add('ns/a')
    await time.advance(65_000)
    end({ requeueAfter: 1000 })
    await time.advance(1000)
    expect(runs).to.have.length(2)
  })

  it('C2: stops when the passes under way have ended', async () => {
    let end: (result: Result) => void = () => undefined
    const { controller, time, lines } = aController(() => new Promise(resolve => (end = resolve)))
    controller.add('ns/a')
    await settle()
    const stopped = controller.stop()
    await time.advance(4000)
    end({ requeueAfter: 5 })
    await stopped
    expect([lines, time.pending]).to.deep.equal([[], 0])
  })

  it('C2: aborts passes that do not end, and gives up on those that ignore it, within ten seconds', async () => {
    const { controller, time, lines, told } = aController((key, signal) => {
      if (key === 'ns/deaf') return never()
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    controller.add('ns/a')
    controller.add('ns/deaf')
    await settle()
    let stopped = false
    void controller.stop().then(() => {
      stopped = true
    })
    await time.advance(10_000)
    expect(stopped).to.equal(true)
    expect(lines.map(({ level, message }) => [level, message])).to.deep.equal([
      ['info', 'Gave up pass in order to stop'],
      ['warn', 'Left passes behind']
    ])
    expect(told).to.deep.equal(['error'])
  })
})
