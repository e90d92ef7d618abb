import type Docker from 'dockerode'
import type { DockerLink } from './docker-link.ts'
import { isWhole, SECRETS_PARENT, SECRETS_STAT, toSecretsArchive } from './docker-secrets.ts'
import * as translate from './docker-translate.ts'
import type { Engine } from './engine.ts'
import { unless } from './engine-call.ts'

/** Volumes of the engine, and the secrets in them. */
export class DockerVolumes {
  readonly #link: DockerLink

  constructor(link: DockerLink) {
    this.#link = link
  }

  readonly listVolumes: Engine['listVolumes'] = async (labels, signal) => {
    const filters = { label: translate.labelFilter(labels) }
    const { Volumes: list } = await this.#link.call({ operation: 'volume_list', signal }, ({ abortSignal }) =>
      this.#link.calls.listVolumes({ abortSignal, filters })
    )
    return (list ?? []).map(translate.toVolume)
  }

  readonly inspectVolume: Engine['inspectVolume'] = async (name, signal) => {
    const call = this.#link.call({ operation: 'volume_inspect', subject: name, signal }, ({ abortSignal }) =>
      this.#link.calls.getVolume(encodeURIComponent(name)).inspect({ abortSignal })
    )
    const raw = await unless(['not-found'], call)
    return raw && translate.toVolume(raw)
  }

  readonly removeVolume: Engine['removeVolume'] = async (name, signal) => {
    const call = this.#link.call({ operation: 'volume_remove', subject: name, signal }, ({ abortSignal }) =>
      this.#link.calls.getVolume(encodeURIComponent(name)).remove({ abortSignal })
    )
    await unless(['not-found'], call)
  }

  readonly writeSecrets: Engine['writeSecrets'] = async (nameOrId, files, signal) => {
    const archive = await toSecretsArchive(files)
    await this.#link.call({ operation: 'archive_put', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).putArchive(archive, { path: SECRETS_PARENT, abortSignal } as { path: string })
    )
  }

  readonly hasSecrets: Engine['hasSecrets'] = async (nameOrId, signal) => {
    const call = this.#link.call({ operation: 'archive_stat', subject: nameOrId, signal }, async ({ abortSignal }) => {
      const answer = await this.#container(nameOrId).infoArchive({ ...SECRETS_STAT, abortSignal } as { path: string })
      ;(answer as unknown as NodeJS.ReadableStream).resume()
      return isWhole(answer)
    })
    return (await unless(['not-found'], call)) ?? false
  }

  #container(nameOrId: string): Docker.Container {
    return this.#link.calls.getContainer(encodeURIComponent(nameOrId))
  }
}
