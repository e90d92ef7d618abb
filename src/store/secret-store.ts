import type { SecretObject } from '../../api/secret.ts'
import { SecretKeyError, SecretUnreadableError } from './errors.ts'
import type { ListOptions } from './store.ts'

/** A value under a key, as it is kept. */
export interface Sealed {
  readonly keyId: string
  /** Base64. */
  readonly nonce: string
  /** Base64, with the tag. */
  readonly ciphertext: string
}

/** What a value is bound to: in another row, or as another version, it cannot be opened. */
export type SecretContext = Pick<SecretObject, 'namespace' | 'name' | 'uid' | 'version' | 'contentId'>

/** Keeps values unreadable without a key that is not in the database. */
export interface SecretCipher {
  /** The key that seals. Throws `SecretKeyError` when there is none. */
  readonly currentKeyId: string
  /** Throws `SecretKeyError` when there is no key. */
  seal: (value: Uint8Array, context: SecretContext) => Sealed
  /** Throws `SecretUnreadableError` when its key is not there, or it is not what was sealed in this context. */
  open: (sealed: Sealed, context: SecretContext) => Buffer
  /** Reads the keys anew where those at hand do not do: they may have been restored. */
  refresh: (neededKeyId?: string) => Promise<void>
}

/** For a database whose secrets nobody asks for. */
export const NO_CIPHER: SecretCipher = {
  get currentKeyId(): string {
    throw new SecretKeyError('no key was given')
  },
  seal: () => {
    throw new SecretKeyError('no key was given')
  },
  open: (_sealed, { namespace, name }) => {
    throw new SecretUnreadableError(`${namespace}/${name}`, 'no key was given')
  },
  refresh: async () => undefined
}

export interface SecretPutOptions {
  /** `create` refuses one that is there, `update` one that is not. */
  readonly mode?: 'create' | 'update' | 'upsert'
  /** Writes only when the secret still has this `resourceVersion`; else `ConflictError`. */
  readonly ifMatch?: number
  /** Refuses a secret whose namespace is not there (`ValidationError`); left out, that is made. */
  readonly needsNamespace?: boolean
}

export interface SecretPutResult {
  readonly outcome: 'created' | 'changed' | 'unchanged'
  readonly object: SecretObject
}

/** What a round of sealing anew came to. */
export interface ResealResult {
  /** Secrets that are under the current key since. */
  readonly resealed: number
  /** Keys of the secrets that could not be read, and so stay as they are. */
  readonly unreadable: readonly string[]
}

/** Secrets as written down. A write is one short transaction; it is on the disk when the promise resolves. */
export interface SecretStore {
  get: (key: string) => Promise<SecretObject | undefined>
  /** By namespace and name. */
  list: (options?: Pick<ListOptions, 'namespaces'>) => Promise<SecretObject[]>
  /** The value that is there again writes nothing (`unchanged`). Throws `AlreadyExistsError`, `NotFoundError`, `ConflictError`. */
  put: (key: string, value: Uint8Array, options?: SecretPutOptions) => Promise<SecretPutResult>
  /** What was deleted; undefined when there was no such secret. Throws `ConflictError` on `ifMatch`. */
  delete: (key: string, options?: Pick<SecretPutOptions, 'ifMatch'>) => Promise<SecretObject | undefined>
  /** The value; undefined when there is no such secret any more, or another value of it. Throws `SecretUnreadableError`. */
  reveal: (object: Pick<SecretObject, 'namespace' | 'name' | 'contentId'>) => Promise<Buffer | undefined>
  /** Puts every value under the current key that is under another one; writes may go on meanwhile. */
  reseal: () => Promise<ResealResult>
  /** Ids of the keys that secrets are under. */
  usedKeyIds: () => Promise<ReadonlySet<string>>
  /** Calls `listener` after every commit, in the tick of the write; gives a function that ends it. */
  onChange: (listener: (object: SecretObject) => void) => () => void
}
