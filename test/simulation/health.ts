import type { Container } from '../../src/engine/engine.ts'
import type { FakeEngine } from '../helpers/fake-engine.ts'
import type { ManualTime } from '../helpers/manual-time.ts'
import type { Random } from './random.ts'

/** What answered for so long, and nobody meddled with, a pass must know to be ready: longer than any pass. */
const LONG_MS = 90_000
const MAX_BOOT_MS = 4000

/** Whether the processes in containers answer: it takes them a while to come up, and they fall ill. */
export class Health {
  readonly #engine: FakeEngine
  readonly #time: ManualTime
  readonly #random: Random
  /** By container id: how long it takes to answer after a start. */
  readonly #bootMs = new Map<string, number>()
  /** By container id: until when it answers with an error. */
  readonly #illUntil = new Map<string, number>()
  /** By container id: when somebody last did something to it. */
  readonly #disturbedAt = new Map<string, number>()

  constructor(engine: FakeEngine, time: ManualTime, random: Random) {
    this.#engine = engine
    this.#time = time
    this.#random = random
  }

  /** The status that a request to this address gets; as the network would, it rejects or hangs when there is none. */
  async answer(host: string, signal: AbortSignal): Promise<number> {
    const found = this.#engine.containers().find(c => Object.values(c.networks).some(n => n.ipAddress === host))
    if (found?.state === 'paused') return hang(signal)
    if (found === undefined || !this.#hasBooted(found)) throw refused()
    return this.#isIll(found.id) ? 500 : 200
  }

  /** Whether the container would answer on that network now. */
  answers(container: Container, network: string): boolean {
    const address = container.networks[network]?.ipAddress ?? ''
    return container.state === 'running' && address !== '' && this.#hasBooted(container) && !this.#isIll(container.id)
  }

  /** Whether it has answered at this address without a break for longer than any pass takes. */
  answeredLong(containerId: string, host: string): boolean {
    const container = this.#engine.containers().find(({ id }) => id === containerId)
    if (container?.state !== 'running' || this.#isIll(containerId)) return false
    if (Object.values(container.networks).every(({ ipAddress }) => ipAddress !== host)) return false
    const since = Math.max(container.startedAt ?? Number.POSITIVE_INFINITY, this.#disturbedAt.get(containerId) ?? 0)
    return this.#hasBooted(container) && this.#time.now() - since > LONG_MS
  }

  /** Somebody did something to it. */
  disturb(containerId: string): void {
    this.#disturbedAt.set(containerId, this.#time.now())
  }

  fallIll(containerId: string, ms: number): void {
    this.#illUntil.set(containerId, this.#time.now() + ms)
    this.#disturbedAt.set(containerId, this.#time.now() + ms)
  }

  recover(): void {
    this.#illUntil.clear()
  }

  /** Ends the process of a container whose image is one that crashes. */
  crash(nameOrId: string): void {
    const found = this.#engine.containers().find(c => c.id === nameOrId || c.name === nameOrId)
    if (found?.state === 'running' && this.#isOf(found, 'crash:1')) this.#engine.exit(found.id, 1)
  }

  #isIll(containerId: string): boolean {
    return (this.#illUntil.get(containerId) ?? 0) > this.#time.now()
  }

  #hasBooted(container: Container): boolean {
    if (container.state !== 'running' || this.#isOf(container, 'deaf:1') || this.#isOf(container, 'crash:1'))
      return false
    const bootMs = this.#bootMs.get(container.id) ?? this.#random.below(MAX_BOOT_MS)
    this.#bootMs.set(container.id, bootMs)
    return this.#time.now() - (container.startedAt ?? 0) >= bootMs
  }

  #isOf(container: Container, image: string): boolean {
    return container.imageId === this.#engine.imageId(image)
  }
}

function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
}

function refused(): Error {
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
}
