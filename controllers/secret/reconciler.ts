import { keyOf, parseKey } from '../../api/meta.ts'
import { usersOf } from '../../api/secret.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import type { EventStore, FunctionStore } from '../../src/store/store.ts'

export interface SecretReconcilerDeps {
  readonly secrets: Pick<SecretStore, 'get'>
  readonly functions: Pick<FunctionStore, 'list'>
  readonly events: Pick<EventStore, 'record'>
  /** Makes the function controller look at a function. */
  readonly add: (key: string) => void
  readonly log: Logger
}

/** Makes the functions that use a secret be looked at when it was written or deleted; what they need then is theirs to decide. */
export class SecretReconciler implements Reconciler {
  readonly name = 'secret'
  readonly #deps: SecretReconcilerDeps
  constructor(deps: SecretReconcilerDeps) {
    this.#deps = deps
  }

  async reconcile(key: string): Promise<Result> {
    const { secrets, functions, events, add, log } = this.#deps
    const { namespace, name } = parseKey(key)
    const [secret, objects] = await Promise.all([
      secrets.get(key),
      functions.list({ namespaces: new Set([namespace]) })
    ])
    const users = usersOf(objects, { namespace, name })
    for (const { metadata } of users) add(keyOf(metadata))
    log.info({ key, version: secret?.version ?? 0, users: users.length }, 'Looked at users of secret')
    for (const { metadata } of users) {
      const subject = { namespace, name: metadata.name, uid: metadata.uid }
      await events.record(
        secret === undefined
          ? { ...subject, type: 'Warning', reason: 'SecretDeleted', message: `secret ${name} is not there any more` }
          : {
              ...subject,
              type: 'Normal',
              reason: 'SecretChanged',
              message: `secret ${name} is at version ${secret.version}`
            }
      )
    }
    return {}
  }
}
