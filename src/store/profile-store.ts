import type { KnownProfiles, ProfileDraft, ProfileObject } from '../../api/profile.ts'

export interface ProfilePutOptions {
  /** Writes only when the profile still has this `resourceVersion`; else `ConflictError`. */
  readonly ifMatch?: number
}

export interface ProfilePutResult {
  readonly outcome: 'created' | 'changed' | 'unchanged'
  readonly object: ProfileObject
}

/** Profiles as written down. They are few and are asked for at each pass, so all of them are in memory. */
export interface ProfileStore extends KnownProfiles {
  /** By name. */
  readonly list: () => ProfileObject[]
  /**
   * Reads, lets `change` decide, and writes in one transaction. `change` throws to refuse. A draft that equals what is
   * there writes nothing (`unchanged`). Throws `ConflictError` on `ifMatch`.
   */
  readonly put: (
    name: string,
    change: (current: ProfileObject | undefined) => ProfileDraft,
    options?: ProfilePutOptions
  ) => Promise<ProfilePutResult>
  /** What was deleted; undefined when there was none. Throws `ProfileInUseError`, and `ConflictError` on `ifMatch`. */
  readonly delete: (name: string, options?: ProfilePutOptions) => Promise<ProfileObject | undefined>
  /** Calls `listener` after every commit, with the name that was written or deleted, in the tick of the write; gives a function that ends it. */
  readonly onChange: (listener: (name: string) => void) => () => void
}
