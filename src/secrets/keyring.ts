import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { canonicalJson } from '../../api/spec-hash.ts'
import { SecretKeyError, SecretUnreadableError } from '../store/errors.ts'
import type { Sealed, SecretCipher, SecretContext } from '../store/secret-store.ts'
import { createKeyFile, newKey, readKeyFile, type SecretKey, type SecretKeys, writeKeyFile } from './key-file.ts'

const ALGORITHM = 'aes-256-gcm'
/** Source: NIST SP 800-38D, recommended length of a nonce; a random one for each value. */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The keys of secrets, out of a file that is kept apart from the database. AES-256-GCM. */
export class Keyring implements SecretCipher {
  readonly path: string
  #keys: SecretKeys | undefined
  #problem = 'no key was read yet'
  #isOpenToOthers = false

  constructor(path: string) {
    this.path = path
  }

  /**
   * Reads the file. One that is missing is made, but only where nothing was encrypted yet: a new key in the place of a
   * lost one would open nothing, and hide the loss.
   */
  async load({ mayCreate }: { readonly mayCreate: boolean }): Promise<void> {
    if (mayCreate) await createKeyFile(this.path)
    await this.#read()
  }

  /** Why there is no key, and what helps; undefined when there is one. */
  get problem(): string | undefined {
    return this.#keys === undefined ? this.#problem : undefined
  }

  /** Whether others than its owner may read the file. */
  get isOpenToOthers(): boolean {
    return this.#isOpenToOthers
  }

  get currentKeyId(): string {
    return this.#current.id
  }

  /** Of all keys, the one that encrypts first. */
  get keyIds(): readonly string[] {
    return (this.#keys ?? []).map(({ id }) => id)
  }

  seal(value: Uint8Array, context: SecretContext): Sealed {
    const { id, bytes } = this.#current
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, bytes, nonce).setAAD(boundTo(context))
    const ciphertext = Buffer.concat([cipher.update(value), cipher.final(), cipher.getAuthTag()])
    return { keyId: id, nonce: nonce.toString('base64'), ciphertext: ciphertext.toString('base64') }
  }

  open(sealed: Sealed, context: SecretContext): Buffer {
    const name = `${context.namespace}/${context.name}`
    const key = this.#keys?.find(({ id }) => id === sealed.keyId)
    if (key === undefined) {
      throw new SecretUnreadableError(
        name,
        this.problem ?? `its key ${sealed.keyId} is not in ${this.path}: restore that file, or write the secret anew`
      )
    }
    const bytes = Buffer.from(sealed.ciphertext, 'base64')
    try {
      const nonce = Buffer.from(sealed.nonce, 'base64')
      const decipher = createDecipheriv(ALGORITHM, key.bytes, nonce, { authTagLength: TAG_BYTES })
        .setAAD(boundTo(context))
        .setAuthTag(bytes.subarray(-TAG_BYTES))
      return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
    } catch (cause) {
      throw new SecretUnreadableError(name, 'its row was changed by somebody else: write the secret anew', { cause })
    }
  }

  async refresh(neededKeyId?: string): Promise<void> {
    const isKnown = neededKeyId === undefined ? this.#keys !== undefined : this.keyIds.includes(neededKeyId)
    if (!isKnown) await this.#read()
  }

  /** From now on a new key encrypts; it is in the file before anything is encrypted with it. Gives its id. */
  async add(): Promise<string> {
    await this.#read()
    const key = newKey()
    await this.#replace([key, ...(this.#keys ?? [this.#current])])
    return key.id
  }

  /** Takes every key out of the file but these and the one that encrypts. Gives the ids of those that went. */
  async keepOnly(ids: ReadonlySet<string>): Promise<string[]> {
    await this.#read()
    const [first, ...others] = this.#keys ?? [this.#current]
    const gone = others.filter(({ id }) => !ids.has(id))
    if (gone.length > 0) await this.#replace([first, ...others.filter(({ id }) => ids.has(id))])
    return gone.map(({ id }) => id)
  }

  get #current(): SecretKey {
    if (this.#keys === undefined) throw new SecretKeyError(this.#problem)
    return this.#keys[0]
  }

  async #read(): Promise<void> {
    const file = await readKeyFile(this.path)
    if ('problem' in file) {
      // Keys that are at hand stay so: losing the file must not stop what works.
      this.#problem = file.problem
      return
    }
    this.#keys = file.keys
    this.#isOpenToOthers = file.isOpenToOthers
  }

  async #replace(keys: SecretKeys): Promise<void> {
    try {
      await writeKeyFile(this.path, keys)
    } catch (cause) {
      const { code = 'unknown' } = cause as NodeJS.ErrnoException
      throw new SecretKeyError(`${this.path} cannot be written (${code})`, { cause })
    }
    this.#keys = keys
  }
}

function boundTo(context: SecretContext): Buffer {
  const { namespace, name, uid, version, contentId } = context
  return Buffer.from(canonicalJson({ namespace, name, uid, version, contentId }))
}
