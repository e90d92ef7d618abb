import { expect } from 'chai'
import { ManualTime, settle } from '../../test/helpers/manual-time.ts'
import { type Logger, silentLogger } from '../logging/logger.ts'
import { type Component, Manager } from './manager.ts'

function aManager() {
  const time = new ManualTime()
  const done: string[] = []
  const log: Logger = {
    ...silentLogger,
    error: (fields: object | string) => void done.push(`error ${(fields as { component: string }).component}`)
  }
  const manager = new Manager({ log, timers: time, stopDeadlineMs: 1000 })
  const add = (name: string, overrides: Partial<Component> = {}) =>
    manager.add({ name, start: () => void done.push(`+${name}`), stop: () => void done.push(`-${name}`), ...overrides })
  return { manager, add, done, time }
}

const rejection = (promise: Promise<void>) =>
  promise.then(
    () => undefined,
    (err: Error) => err.message
  )

describe('Manager', () => {
  it('starts in order and stops in reverse', async () => {
    const { manager, add, done } = aManager()
    for (const name of 'abc') add(name)
    expect(manager.isReady).to.equal(false)
    await manager.start()
    await manager.whenReady()
    expect(manager.isReady).to.equal(true)
    const stopped = manager.stop()
    expect(manager.isReady).to.equal(false)
    await stopped
    expect(done).to.deep.equal(['+a', '+b', '+c', '-c', '-b', '-a'])
  })

  it('stops once, however often it is told to', async () => {
    const { manager, add, done } = aManager()
    add('a')
    await Promise.all([manager.start(), manager.start()])
    await Promise.all([manager.stop(), manager.stop()])
    await manager.stop()
    expect(done).to.deep.equal(['+a', '-a'])
  })

  it('stops what was started when one cannot start, and throws its error', async () => {
    const { manager, add, done } = aManager()
    add('a')
    add('b', { start: () => Promise.reject(new Error('port is taken')) })
    add('c')
    expect(await rejection(manager.start())).to.equal('port is taken')
    expect(await rejection(manager.whenReady())).to.equal('port is taken')
    expect(done).to.deep.equal(['+a', '-a'])
  })

  it('stops the others though one fails to stop and one never ends', async () => {
    const { manager, add, done, time } = aManager()
    add('a')
    add('hangs', { stop: () => new Promise(() => undefined) })
    add('throws', {
      stop: () => {
        throw new Error('no')
      }
    })
    await manager.start()
    const stopped = manager.stop()
    await time.advance(1000)
    await stopped
    expect(done).to.deep.equal(['+a', '+hangs', '+throws', 'error throws', 'error hangs', '-a'])
  })

  it('gives each component its own time to stop', async () => {
    const { manager, add, done, time } = aManager()
    add('slow', { stopDeadlineMs: 5000, stop: () => new Promise(resolve => void time.set(resolve, 4000)) })
    await manager.start()
    const stopped = manager.stop()
    await time.advance(4000)
    await stopped
    expect(done).to.deep.equal(['+slow'])
  })

  it('stops what comes up while it is told to stop, and starts no more', async () => {
    const { manager, add, done } = aManager()
    let up: () => void = () => undefined
    add('a', { start: () => new Promise(resolve => (up = () => resolve())) })
    add('b')
    const started = rejection(manager.start())
    await settle()
    await manager.stop()
    up()
    expect(await started).to.equal('stopped before b was started')
    expect(done).to.deep.equal(['-a'])
  })

  it('keeps the `this` of a component', async () => {
    class Part {
      readonly name = 'part'
      #on = false
      start(): void {
        this.#on = true
      }
      stop(): void {
        this.#on = false
      }
      get isOn(): boolean {
        return this.#on
      }
    }
    const { manager } = aManager()
    const part = new Part()
    manager.add(part)
    await manager.start()
    expect(part.isOn).to.equal(true)
    await manager.stop()
    expect(part.isOn).to.equal(false)
  })
})
