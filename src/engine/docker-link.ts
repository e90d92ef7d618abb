import type { Agent } from 'node:http'
import { Breaker } from './breaker.ts'
import { callAgent, connectDocker, DEFAULT_HOST, type DockerClient, streamAgent } from './docker-client.ts'
import { type Call, type Deadline, type ObserveCall, runCall } from './engine-call.ts'
import { PING_MS } from './heartbeat.ts'

export interface LinkOptions {
  /** `unix:///path` or `tcp://host:port`; the local socket when absent. */
  readonly host?: string
  /** For each call, 30 s; four times as much for starting and removing a container. */
  readonly timeoutMs?: number
  readonly observe?: ObserveCall
  /** Told when calls are kept away from the engine, with the reason, and when they are let through again. */
  readonly onBreaker?: (isOpen: boolean, why: unknown) => void
}

/** What waits on something else than the engine, a registry or the next event, and so is neither stopped nor counted. */
const UNGUARDED: ReadonlySet<string> = new Set(['image_pull', 'events'])

/** The connections to an engine, and what every call of it has: a deadline, a metric, and the breaker. */
export class DockerLink {
  readonly calls: DockerClient
  readonly streams: DockerClient
  readonly timeoutMs: number
  readonly #pings: DockerClient
  readonly #agents: readonly Agent[]
  readonly #observe: ObserveCall
  readonly #breaker: Breaker

  constructor({ host = DEFAULT_HOST, timeoutMs = 30_000, observe, onBreaker }: LinkOptions) {
    const agents = [callAgent(), streamAgent(), streamAgent()] as const
    this.#agents = agents
    this.calls = connectDocker(host, agents[0])
    this.streams = connectDocker(host, agents[1])
    this.#pings = connectDocker(host, agents[2])
    this.timeoutMs = timeoutMs
    this.#observe = observe ?? (() => undefined)
    this.#breaker = new Breaker(onBreaker === undefined ? {} : { onChange: onBreaker })
  }

  /** Whether calls are kept away from the engine. */
  get isAway(): boolean {
    return this.#breaker.isOpen
  }

  /** Notes how a heartbeat ended: one that was not answered keeps every call away, until one is. */
  noteBeat(err?: unknown): void {
    this.#breaker.beat(err)
  }

  /** Drops the connections. */
  drop(): void {
    for (const agent of this.#agents) agent.destroy()
  }

  /** What `send` gives, as `runCall` says; rejects at once while the engine is away. */
  async call<T>(
    call: Omit<Call, 'timeoutMs'> & { timeoutMs?: number },
    send: (deadline: Deadline) => Promise<T>
  ): Promise<T> {
    const isEngineThere = () => !this.#breaker.isOpen
    const run = (givenUp?: AbortSignal) => {
      const guard = givenUp === undefined ? {} : { givenUp }
      return runCall({ timeoutMs: this.timeoutMs, isEngineThere, ...guard, ...call }, this.#observe, send)
    }
    return UNGUARDED.has(call.operation) ? this.#breaker.pass(run) : this.#breaker.run(call.operation, run)
  }

  /** The same for a heartbeat: on a connection of its own, and past the breaker. */
  async beat<T>(
    signal: AbortSignal | undefined,
    send: (pings: DockerClient, abortSignal: AbortSignal) => Promise<T>
  ): Promise<T> {
    const call = { operation: 'ping', signal, timeoutMs: PING_MS }
    return runCall(call, this.#observe, ({ abortSignal }) => send(this.#pings, abortSignal))
  }
}
