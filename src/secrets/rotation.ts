import type { InvocationStore } from '../store/invocation-store.ts'
import type { ResealResult, SecretStore } from '../store/secret-store.ts'
import type { Keyring } from './keyring.ts'

/** What a rotation did. */
export interface RotationResult extends ResealResult {
  /** Id of the key that encrypts now. */
  readonly keyId: string
  /** Ids of older keys that nothing of this database is under; older backups of it may need them. */
  readonly unusedKeyIds: readonly string[]
  /** Ids of keys that were taken out of the file. */
  readonly removedKeyIds: readonly string[]
}

export interface KeyState {
  /** Id of the key that encrypts; absent when there is none. */
  readonly current?: string
  readonly keys: readonly { readonly id: string; readonly inUse: boolean }[]
  /** Ids of keys that secrets are under and that are not there. */
  readonly missing: readonly string[]
  /** Why there is no key, and what helps. */
  readonly problem?: string
}

/**
 * Puts secrets under another key while the gateway serves. Each step leaves a file that opens every row, so it may be
 * cut short anywhere: the next start, or rotation, goes on.
 */
export class KeyRotation {
  readonly #keyring: Keyring
  readonly #secrets: Pick<SecretStore, 'reseal' | 'usedKeyIds'>
  readonly #calls: Pick<InvocationStore, 'usedKeyIds'>
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    keyring: Keyring,
    {
      secrets,
      invocations
    }: { secrets: Pick<SecretStore, 'reseal' | 'usedKeyIds'>; invocations: Pick<InvocationStore, 'usedKeyIds'> }
  ) {
    this.#keyring = keyring
    this.#secrets = secrets
    this.#calls = invocations
  }

  /** One at a time. With `removeOld`, keys that no secret and no callback is under leave the file. Throws `SecretKeyError`. */
  rotate({ removeOld }: { readonly removeOld: boolean }): Promise<RotationResult> {
    return this.#alone(async () => {
      const keyId = await this.#keyring.add()
      const result = await this.#secrets.reseal()
      const used = new Set([...(await this.#secrets.usedKeyIds()), ...(await this.#calls.usedKeyIds())])
      const removedKeyIds = removeOld ? await this.#keyring.keepOnly(used) : []
      const unusedKeyIds = this.#keyring.keyIds.filter(id => id !== keyId && !used.has(id))
      return { keyId, ...result, unusedKeyIds, removedKeyIds }
    })
  }

  /** The keys by their ids, and which of them secrets are under. */
  async state(): Promise<KeyState> {
    const used = await this.#secrets.usedKeyIds()
    await this.#keyring.refresh()
    for (const id of used) await this.#keyring.refresh(id)
    const { keyIds, problem } = this.#keyring
    return {
      ...(keyIds[0] === undefined ? {} : { current: keyIds[0] }),
      keys: keyIds.map(id => ({ id, inUse: used.has(id) })),
      missing: [...used].filter(id => !keyIds.includes(id)).sort(),
      ...(problem === undefined ? {} : { problem })
    }
  }

  /** Ends what an earlier rotation began, or somebody who put another key first in the file. */
  finish(): Promise<ResealResult> {
    return this.#alone(() => this.#secrets.reseal())
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined) // its caller is told
    return result
  }
}
