import { expect } from 'chai'
import type { StringMap } from '../../api/meta.ts'
import type { Container, Engine, EngineEvent } from '../../src/engine/engine.ts'
import { EngineError, type EngineFault } from '../../src/engine/faults.ts'
import type { ContainerSpec } from '../../src/engine/specs.ts'
import { eventually } from './eventually.ts'

/** An engine under test, and what only a person (or a test) would do to it. */
export interface EngineUnderTest {
  readonly engine: Engine
  /** On every object that the suite makes. */
  readonly labels: StringMap
  readonly prefix: string
  /** An image whose process runs until it is told to end, and ends at SIGTERM. */
  readonly image: string
  readonly subnet: () => string
  readonly pause: (name: string) => Promise<void>
  /** Makes an image of its own with that tag; gives its id. `volume` is a path at which its containers get one of no name. */
  readonly addImage: (reference: string, options?: { user?: string; volume?: string }) => Promise<string>
  readonly addTag: (imageId: string, reference: string) => Promise<void>
  readonly addVolume: (name: string, labels: StringMap) => Promise<void>
  /** A TCP port of the host that is free. */
  readonly freePort: () => Promise<number>
  /** A process of the host listens on the port until what comes back is called. */
  readonly holdPort: (port: number) => Promise<() => Promise<void>>
}

/** The engine under test, and what the cases of the contract make in it. */
export class ContractWorld {
  readonly #setUp: () => EngineUnderTest
  readonly #made = { containers: new Set<string>(), networks: new Set<string>() }
  #under: EngineUnderTest | undefined
  #network = ''
  #count = 0

  constructor(setUp: () => EngineUnderTest) {
    this.#setUp = setUp
  }

  /** Before each case: a network of its own. */
  async begin(): Promise<void> {
    this.#under ??= this.#setUp()
    this.#network = await this.aNetwork()
  }

  /** After each case: what it made goes. */
  async end(): Promise<void> {
    for (const id of this.#made.containers) await this.engine.removeContainer(id)
    for (const id of this.#made.networks) await eventually(() => this.engine.removeNetwork(id))
    this.#made.containers.clear()
    this.#made.networks.clear()
  }

  get under(): EngineUnderTest {
    if (this.#under === undefined) throw new Error('no case has begun')
    return this.#under
  }

  get engine(): Engine {
    return this.under.engine
  }

  get labels(): StringMap {
    return this.under.labels
  }

  /** Name of the network of the case. */
  get network(): string {
    return this.#network
  }

  readonly aName = (): string => `${this.under.prefix}c${this.#count++}`

  /** Has a network that the case made removed after it. */
  keepNetwork(id: string): void {
    this.#made.networks.add(id)
  }

  /** Makes another network; gives its name. */
  readonly aNetwork = async (): Promise<string> => {
    const name = this.aName()
    const { labels } = this
    this.keepNetwork(await this.engine.createNetwork({ name, labels, subnet: this.under.subnet() }))
    return name
  }

  readonly aSpec = (over: Partial<ContainerSpec> = {}): ContainerSpec => ({
    name: this.aName(),
    image: this.under.image,
    labels: this.labels,
    env: {},
    network: this.#network,
    memoryBytes: 32 * 1024 * 1024,
    memoryReservationBytes: 0,
    nanoCpus: 500_000_000,
    cpuShares: 0,
    pidsLimit: 32,
    readOnlyRootFilesystem: true,
    tmpfs: { '/tmp': 1024 * 1024 },
    ports: [],
    logMaxBytes: 1024 * 1024,
    ...over
  })

  readonly create = async (over: Partial<ContainerSpec> = {}): Promise<ContainerSpec & { id: string }> => {
    const spec = this.aSpec(over)
    const id = await this.engine.createContainer(spec)
    this.#made.containers.add(id)
    return { ...spec, id }
  }

  readonly run = async (over: Partial<ContainerSpec> = {}): Promise<ContainerSpec & { id: string }> => {
    const container = await this.create(over)
    await this.engine.startContainer(container.name)
    return container
  }

  readonly inspect = async (nameOrId: string): Promise<Container> => {
    const found = await this.engine.inspectContainer(nameOrId)
    if (found === undefined) throw new Error(`container ${nameOrId} is not there`)
    return found
  }

  /** Done when it has. */
  readonly exited = (nameOrId: string): Promise<unknown> =>
    eventually(async () => expect((await this.inspect(nameOrId)).state).to.equal('exited'))
}

/** Asserts that a call is refused with this fault, by an `EngineError`. */
export async function rejects(fault: EngineFault, call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    value => `answer ${JSON.stringify(value)}`,
    err => (err instanceof EngineError ? err.fault : `a foreign error: ${err}`)
  )
  expect(outcome).to.equal(fault)
}

interface Seen {
  readonly events: EngineEvent[]
  /** Settles as the stream ends. */
  readonly ended: Promise<void>
}

/** Reads a stream into a list. */
export function watchInto(stream: AsyncIterable<EngineEvent>): Seen {
  const events: EngineEvent[] = []
  const read = async () => {
    for await (const event of stream) events.push(event)
  }
  return { events, ended: read() }
}
