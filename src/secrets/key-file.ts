import { createHash, randomBytes } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { createSecretFile, replaceSecretFile } from '../secret-file.ts'

const KEY_BYTES = 32

const HEADER = `# Keys of Docker FaaS secrets. The first one encrypts, the others only decrypt.
# Keep a copy of this file apart from the copies of the database: neither is of use without the other.
`

/** One key, and what rows know it by. */
export interface SecretKey {
  /** 16 hex of a hash of the key: tells keys apart, and nothing of the key. */
  readonly id: string
  readonly bytes: Buffer
}

/** Keys of a file, the one that encrypts first. */
export type SecretKeys = readonly [SecretKey, ...SecretKey[]]

/** What a file of keys came to. */
export type KeyFile =
  | { readonly keys: SecretKeys; readonly isOpenToOthers: boolean }
  | {
      /** Why there are none, and what helps. */
      readonly problem: string
    }

export function newKey(): SecretKey {
  return toKey(randomBytes(KEY_BYTES))
}

/** Makes the file with one new key, unless there is one. */
export async function createKeyFile(path: string): Promise<boolean> {
  return createSecretFile(path, textOf([newKey()]))
}

/** Puts these keys in the place of those in the file, whole or not at all; what the path links to, where it is a link. */
export async function writeKeyFile(path: string, keys: SecretKeys): Promise<void> {
  await replaceSecretFile(await realpath(path), textOf(keys))
}

export async function readKeyFile(path: string): Promise<KeyFile> {
  try {
    const keys = parse(await readFile(path, 'utf8'))
    if (keys === undefined) return { problem: `${path} holds no keys of 64 hex digits, one a line: restore it` }
    return { keys, isOpenToOthers: ((await stat(path)).mode & 0o077) !== 0 }
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code === undefined) throw err
    return { problem: code === 'ENOENT' ? `${path} is missing: restore it` : `${path} cannot be read (${code})` }
  }
}

function parse(text: string): SecretKeys | undefined {
  const lines = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
  const [first, ...others] = lines
  if (first === undefined || !lines.every(line => /^[0-9a-fA-F]{64}$/.test(line))) return undefined
  return [first, ...others].map(line => toKey(Buffer.from(line, 'hex'))) as unknown as SecretKeys
}

function toKey(bytes: Buffer): SecretKey {
  const id = createHash('sha256').update('docker-faas secret key id').update(bytes).digest('hex').slice(0, 16)
  return { id, bytes }
}

function textOf(keys: SecretKeys): string {
  return `${HEADER}${keys.map(({ bytes }) => `${bytes.toString('hex')}\n`).join('')}`
}
