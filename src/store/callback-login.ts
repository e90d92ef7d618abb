import * as z from 'zod'
import { SecretUnreadableError } from './errors.ts'
import type { Sealed, SecretCipher, SecretContext } from './secret-store.ts'

/** The call that a callback belongs to; its credentials can be opened for no other. */
export interface LoginOwner {
  readonly id: string
  readonly namespace: string
  readonly name: string
}

/** In the place of the user; what was sealed is in that of the password. Every login that is written down is sealed. */
const SEALED_USER = 'sealed'

const SEALED = z.strictObject({ keyId: z.string(), nonce: z.string(), ciphertext: z.string() })

/** The URL with its user and password readable only with the key; as it came when it has none. Throws `SecretKeyError`. */
export function sealLogin(url: string, owner: LoginOwner, cipher: SecretCipher): string {
  const parsed = new URL(url)
  const { username, password } = parsed
  if (username === '' && password === '') return url
  const sealed = cipher.seal(Buffer.from(JSON.stringify([username, password])), contextOf(owner))
  parsed.username = SEALED_USER
  parsed.password = Buffer.from(JSON.stringify(sealed)).toString('base64url')
  return parsed.href
}

/** The URL as it was before `sealLogin`. Throws `SecretUnreadableError`. */
export async function openLogin(url: string, owner: LoginOwner, cipher: SecretCipher): Promise<string> {
  const sealed = sealedOf(url)
  if (sealed === undefined) return url
  await cipher.refresh(sealed.keyId)
  const [username, password] = PAIR.parse(JSON.parse(cipher.open(sealed, contextOf(owner)).toString()))
  const parsed = new URL(url)
  parsed.username = username
  parsed.password = password
  return parsed.href
}

const PAIR = z.tuple([z.string(), z.string()])

/** Id of the key that the credentials of the URL are under; undefined: it has none. */
export function keyIdOfLogin(url: string): string | undefined {
  return sealedOf(url)?.keyId
}

/** What a URL is written with in SQL to be found by its sealed credentials. */
export const SEALED_LIKE = `%://${SEALED_USER}:%`

function sealedOf(url: string): Sealed | undefined {
  const { username, password } = new URL(url)
  if (username !== SEALED_USER) return undefined
  try {
    return SEALED.parse(JSON.parse(Buffer.from(password, 'base64url').toString()))
  } catch (cause) {
    throw new SecretUnreadableError('of a callback', 'its row was changed by somebody else', { cause })
  }
}

function contextOf({ id, namespace, name }: LoginOwner): SecretContext {
  return { namespace, name, uid: id, version: 1, contentId: 'callback-login' }
}
