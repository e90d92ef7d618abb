import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { openStore } from '../../src/store/open.ts'
import { statementOf } from '../../src/store/rows.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import type { FunctionStore } from '../../src/store/store.ts'

import { aKeyring } from '../helpers/keyring.ts'

/** What stands in for the clock and the random ids of the database. */
export interface Source {
  readonly now: () => number
  readonly newUid: () => string
}

/** One real database for all worlds of a run, one after the other. */
export interface SharedStore {
  readonly functions: FunctionStore
  readonly secrets: SecretStore
  use: (source: Source) => void
  close: () => Promise<void>
}

export async function openSharedStore(): Promise<SharedStore> {
  const directory = await mkdtemp(join(tmpdir(), 'docker-faas-simulation-'))
  let source: Source = { now: () => 0, newUid: () => '' }
  const clock = { now: () => source.now(), monotonic: () => source.now() }
  const cipher = await aKeyring(directory)
  const path = join(directory, 'test.db')
  const store = await openStore({ path, clock, cipher, newUid: () => source.newUid() })
  return {
    functions: remembering(store.functions),
    secrets: store.secrets,
    use: next => {
      source = next
    },
    close: async () => {
      await store.close()
      await rm(directory, { recursive: true })
    }
  }
}

/**
 * Answers from memory what has not changed since it was read, reads and writes of the same status alike: they are most
 * of the time of a simulation, and no part of its question.
 */
function remembering(functions: FunctionStore): FunctionStore {
  const known = new Map<string, FunctionObject>()
  functions.onChange(({ type, object }) => {
    if (type === 'DELETED') known.delete(keyOf(object.metadata))
    else known.set(keyOf(object.metadata), object)
  })
  const get = async (key: string): Promise<FunctionObject | undefined> => {
    const remembered = known.get(key)
    if (remembered !== undefined) return remembered
    const version = functions.resourceVersion()
    const object = await functions.get(key)
    if (object !== undefined && functions.resourceVersion() === version) known.set(key, object)
    return object
  }
  return {
    get,
    list: options => functions.list(options),
    put: (key, change, options) => functions.put(key, change, options),
    markDeleted: (key, options) => functions.markDeleted(key, options),
    putScale: (key, uid, decide) => functions.putScale(key, uid, decide),
    remove: (key, uid) => functions.remove(key, uid),
    putStatus: async (key, uid, status) => {
      const current = await get(key)
      const isSame = current?.metadata.uid === uid && statementOf(current.status) === statementOf(status)
      return isSame ? current : functions.putStatus(key, uid, status)
    },
    revisions: key => functions.revisions(key),
    resourceVersion: () => functions.resourceVersion(),
    watch: (resourceVersion, signal) => functions.watch(resourceVersion, signal),
    onChange: listener => functions.onChange(listener)
  }
}
