import type Docker from 'dockerode'
import { parseImageReference } from '../../api/image-reference.ts'
import { explicitImage } from './docker-create.ts'
import type { DockerLink } from './docker-link.ts'
import { followPull } from './docker-pull.ts'
import * as translate from './docker-translate.ts'
import type { Engine } from './engine.ts'
import { unless } from './engine-call.ts'
import { pullFault } from './engine-fault.ts'
import { EngineError } from './faults.ts'
import type { RegistryAuth } from './registry-auth.ts'

export interface PullOptions {
  /** Who may pull what; nobody when absent. */
  readonly registryAuth?: RegistryAuth
  /** A pull that says nothing for so long is given up, 60 s. */
  readonly pullInactivityMs?: number
}

/** Images of the engine's own store, and how they come into it. */
export class DockerImages {
  readonly #link: DockerLink
  readonly #registryAuth: RegistryAuth | undefined
  readonly #pullInactivityMs: number

  constructor(link: DockerLink, { registryAuth, pullInactivityMs = 60_000 }: PullOptions) {
    this.#link = link
    this.#registryAuth = registryAuth
    this.#pullInactivityMs = pullInactivityMs
  }

  readonly inspectImage: Engine['inspectImage'] = async (referenceOrId, signal) => {
    const name = explicitImage(referenceOrId).split('/').map(encodeURIComponent).join('/')
    const call = this.#link.call({ operation: 'image_inspect', subject: referenceOrId, signal }, ({ abortSignal }) =>
      this.#link.calls.getImage(name).inspect({ abortSignal } as Docker.ImageInspectOptions)
    )
    const raw = await unless(['no-image', 'not-found'], call)
    return raw && translate.toImage(raw)
  }

  readonly pullImage: Engine['pullImage'] = async (reference, onProgress, signal) => {
    const parsed = parseImageReference(reference)
    if (parsed === undefined) throw new EngineError('image_pull', 'no-image', `${reference} is no image reference`)
    const { registry, repository, tag, digest } = parsed
    // NOTE: without a tag the engine pulls every tag of the repository.
    const query = { fromImage: `${registry}/${repository}`, tag: digest ?? tag ?? 'latest' }
    const authconfig = await this.#registryAuth?.forImage(reference)
    const call = {
      operation: 'image_pull',
      subject: reference,
      signal,
      timeoutMs: this.#pullInactivityMs,
      faultOf: pullFault
    }
    await this.#link.call(call, async deadline => {
      const request = { ...query, abortSignal: deadline.abortSignal }
      const stream = await this.#link.streams.createImage(authconfig as Docker.AuthConfig, request)
      await followPull(stream as unknown as AsyncIterable<Buffer>, progress => {
        deadline.extend()
        onProgress(progress)
      })
    })
  }

  readonly listImages: Engine['listImages'] = async signal => {
    const list = await this.#link.call({ operation: 'image_list', signal }, ({ abortSignal }) =>
      this.#link.calls.listImages({ abortSignal } as Docker.ListImagesOptions)
    )
    return list.map(translate.toImageSummary)
  }

  readonly removeImage: Engine['removeImage'] = async (referenceOrId, signal) => {
    const call = { operation: 'image_remove', subject: referenceOrId, signal, timeoutMs: 4 * this.#link.timeoutMs }
    const name = explicitImage(referenceOrId).split('/').map(encodeURIComponent).join('/')
    await unless(
      ['no-image', 'not-found'],
      this.#link.call(call, ({ abortSignal }) =>
        this.#link.calls.getImage(name).remove({ abortSignal } as Docker.ImageRemoveOptions)
      )
    )
  }
}
