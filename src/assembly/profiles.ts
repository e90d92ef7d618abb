import { keyOf } from '../../api/meta.ts'
import { profileNamesOf } from '../../api/profile.ts'
import type { Logger } from '../logging/logger.ts'
import type { ProfileStore } from '../store/profile-store.ts'
import type { EventStore, FunctionStore } from '../store/store.ts'

export interface ProfileFollowerDeps {
  readonly functions: Pick<FunctionStore, 'list'>
  readonly events: Pick<EventStore, 'record'>
  readonly profiles: Pick<ProfileStore, 'get'>
  /** Makes the function controller look at a function. */
  readonly add: (key: string) => void
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/**
 * Makes the functions that name a profile be looked at when it was written. Should that fail, the look on the period finds
 * them, as what a function has of profiles is part of what it compares.
 */
export async function wakeProfileUsers(deps: ProfileFollowerDeps, name: string): Promise<void> {
  const { functions, events, profiles, add, log } = deps
  try {
    const users = (await functions.list()).filter(({ metadata }) => profileNamesOf(metadata.annotations).includes(name))
    for (const { metadata } of users) add(keyOf(metadata))
    const version = profiles.get(name)?.metadata.resourceVersion ?? 0
    log.info({ profile: name, version, users: users.length }, 'Looked at users of profile')
    for (const { metadata } of users) {
      const { namespace, name: fn, uid } = metadata
      const message = `profile ${name} was changed`
      await events.record({ namespace, name: fn, uid, type: 'Normal', reason: 'ProfileChanged', message })
    }
  } catch (err) {
    log.warn({ err, profile: name }, 'Failed to look at users of profile')
  }
}
