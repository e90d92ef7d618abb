/** What tests make on the engine that they share, and how it is told whose it is: each has the mark of its share in a label or its name. */
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { jsonLines } from '../src/engine/json-lines.ts'
import type { Tally } from './tally.ts'

export interface EngineObject {
  readonly kind: 'container' | 'network' | 'volume' | 'image'
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** All that is on the engine, whoever made it. */
export async function listObjects(docker: Docker): Promise<EngineObject[]> {
  const [containers, networks, { Volumes: volumes }, images] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
    docker.listVolumes(),
    docker.listImages()
  ])
  return [
    ...containers.map(({ Id: id, Names: [name = ''], Labels: labels }) => ({
      ...{ kind: 'container' as const, id, name: name.slice(1), labels }
    })),
    ...networks.map(({ Id: id, Name: name, Labels: labels }) => ({ kind: 'network' as const, id, name, labels })),
    ...(volumes ?? []).map(({ Name: id, Labels: labels }) => ({ kind: 'volume' as const, id, name: id, labels })),
    ...images.map(({ Id: id, RepoTags: tags, Labels: labels }) => ({
      ...{ kind: 'image' as const, id, name: (tags ?? []).join(), labels }
    }))
  ].map(object => ({ ...object, labels: object.labels ?? {} }))
}

/** Those with the mark, in words; what others have on the engine, before or beside the tests, has none. */
export function leftOf(objects: readonly EngineObject[], mark: string): string[] {
  return objects
    .filter(({ name, labels }) => [name, ...Object.values(labels)].some(text => text.includes(mark)))
    .map(({ kind, id, name }) => `${kind} ${name || id}`)
    .sort()
}

/** Counts as one failure each: what the tests with the mark have left. What is about to go has some seconds to do so. */
export async function scanLeftovers(docker: Docker, mark: string): Promise<Tally> {
  let left = leftOf(await listObjects(docker), mark)
  for (let tries = 0; left.length > 0 && tries < 10; tries++) {
    await new Promise(resolve => setTimeout(resolve, 500))
    left = leftOf(await listObjects(docker), mark)
  }
  return { passed: 0, failures: left.map(object => `the tests left ${object} on the engine`) }
}

interface CreateEvent {
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> }
}

/**
 * Notes which shares make containers of which names: those of functions are the engine's, so that two shares which run side by
 * side may have none in common, or a test fails now and then.
 */
export class NameWatch {
  readonly #sharesOf = new Map<string, Set<string>>()
  readonly #mark: string
  readonly #faults: string[] = []
  #end: () => void = () => undefined
  #isOver = false

  /** The mark of a share is that of the run and one letter. */
  constructor(mark: string) {
    this.#mark = mark
  }

  async start(docker: Pick<Docker, 'getEvents'>): Promise<void> {
    const stream = (await docker.getEvents({ filters: { type: ['container'], event: ['create'] } })) as Readable
    this.#end = () => stream.destroy()
    void this.#noteAll(stream)
  }

  async #noteAll(stream: Readable): Promise<void> {
    let why = 'the engine ended it'
    try {
      for await (const event of jsonLines(stream)) this.note((event as CreateEvent).Actor.Attributes)
    } catch (err) {
      why = String(err)
    }
    // That it is cut off is what `stop` does.
    if (!this.#isOver) this.#faults.push(`names of containers were not watched to the end: ${why}`)
  }

  note({ name = '', ...labels }: Readonly<Record<string, string>>): void {
    const texts = Object.values(labels).join(' ')
    const at = texts.indexOf(this.#mark)
    if (at === -1 || name.includes(this.#mark)) return
    const shares = this.#sharesOf.get(name) ?? new Set()
    this.#sharesOf.set(name, shares.add(texts.slice(at, at + this.#mark.length + 1)))
  }

  /** Counts as one failure each: a name that several shares have used; and that not all of them were seen. */
  stop(): Tally {
    this.#isOver = true
    this.#end()
    const met = [...this.#sharesOf].filter(([, shares]) => shares.size > 1).map(([name]) => name)
    const told = met.sort().map(name => `two shares have a container ${name}: give one another name`)
    return { passed: 0, failures: [...this.#faults, ...told] }
  }
}
