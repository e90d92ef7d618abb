import { timingSafeEqual } from 'node:crypto'
import { hashRaw } from '@node-rs/argon2'
import PQueue from 'p-queue'
import { sha256 } from './credentials.ts'

/** Cost of one look at a password: Argon2id over 19 MiB, twice. Source: OWASP Password Storage Cheat Sheet. */
export const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Looks at passwords that run at the same time: they have 19 MiB and a thread of libuv's pool (4) each. */
const CONCURRENCY = 2
/** Looks that wait for their turn: about 2 s of work. */
const MAX_WAITING = 64

/** Tells whether a password is the administrator's. */
export interface PasswordCheck {
  /** 4 hex digits that another password seldom has: they tell little of this one. */
  readonly mark: string
  /** Undefined when too many wait already. Takes the same time whether or not the user is known. */
  readonly verify: (user: string, password: string) => Promise<boolean | undefined>
}

export interface PasswordCheckOptions {
  readonly user: string
  readonly password: string
  /** Tells installations apart; not secret. */
  readonly salt: string
  readonly cost?: { readonly memoryCost: number; readonly timeCost: number; readonly parallelism: number }
}

/** Hashes the password once, in memory, and forgets it. */
export async function createPasswordCheck(options: PasswordCheckOptions): Promise<PasswordCheck> {
  const { user, password, cost = ARGON2 } = options
  const hashing = { ...cost, salt: sha256(`docker-faas ${options.salt}`).subarray(0, 16) }
  const right = await hashRaw(password, hashing)
  const rightUser = sha256(user)
  const queue = new PQueue({ concurrency: CONCURRENCY })
  return {
    mark: sha256(`mark ${right.toString('hex')}`)
      .toString('hex')
      .slice(0, 4),
    verify: async (givenUser, given) => {
      if (queue.size >= MAX_WAITING) return undefined
      const digest = await queue.add(() => hashRaw(given, hashing))
      // Both are compared, always: neither the time nor the answer tells which one is wrong.
      const isPassword = timingSafeEqual(digest, right)
      const isUser = timingSafeEqual(sha256(givenUser), rightUser)
      return isPassword && isUser
    }
  }
}
