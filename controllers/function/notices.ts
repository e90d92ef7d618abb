import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { EventDraft, EventStore } from '../../src/store/store.ts'
import type { Observed, ObservedNetwork } from './observed.ts'

export interface NoticesDeps {
  readonly events: Pick<EventStore, 'record'>
  readonly log: Logger
}

/** Tells of what a pass met that is not ours to mend, by an event and a log line: of each thing once. */
export class Notices {
  readonly #deps: NoticesDeps
  /** Names of forged containers and busy volumes that an event has told of. */
  readonly #told = new Set<string>()

  constructor(deps: NoticesDeps) {
    this.#deps = deps
  }

  /** The engine keeps the network of a function that is deleted. */
  async leaked(object: FunctionObject, network: string, { id, members }: ObservedNetwork): Promise<void> {
    this.#deps.log.warn(
      { key: keyOf(object.metadata), network, networkId: id, members },
      'Left network that engine keeps'
    )
    const message = `network ${network} has endpoints and cannot be removed; it and its addresses are out of use until it can`
    await this.#warn(object, 'NetworkLeaked', message)
  }

  /** Volumes that the engine refused to remove more often than so; the first time may be chance. */
  async busy(object: FunctionObject, observed: Observed | undefined, refusals: number): Promise<void> {
    const kept = observed?.keptVolumes?.filter(volume => volume.refusals > refusals) ?? []
    for (const { name } of kept.filter(each => !this.#told.has(`volume ${each.name}`))) {
      this.#told.add(`volume ${name}`)
      const message = `volume ${name} with secrets that are not used any more cannot be removed: remove the container that has it mounted`
      this.#deps.log.warn({ key: keyOf(object.metadata), volume: name }, 'Left volume that engine keeps')
      await this.#warn(object, 'VolumeBusy', message)
    }
  }

  /** Containers that carry our labels and not our signature. */
  async forged(object: FunctionObject, observed: Observed | undefined): Promise<void> {
    const names = (observed?.forged ?? []).map(({ name }) => name)
    for (const name of names.filter(each => !this.#told.has(each))) {
      this.#told.add(name)
      const message = `container ${name} carries our labels and is not of our making: it is left alone, and gets no calls`
      this.#deps.log.warn({ key: keyOf(object.metadata), container: name }, 'Found forged container')
      await this.#warn(object, 'ForgedObject', message)
    }
  }

  async #warn(object: FunctionObject, reason: EventDraft['reason'], message: string): Promise<void> {
    await this.#deps.events.record({ ...subjectOf(object), type: 'Warning', reason, message })
  }
}

/** Whom an event is about. */
export function subjectOf({ metadata }: FunctionObject): Pick<EventDraft, 'namespace' | 'name' | 'uid'> {
  return { namespace: metadata.namespace, name: metadata.name, uid: metadata.uid }
}
