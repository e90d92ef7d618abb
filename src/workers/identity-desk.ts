import type { Authenticator, Verdict } from '../http/auth/authenticator.ts'
import type { TokenIndex } from '../http/auth/token-index.ts'
import type { WireVerdict } from './protocol.ts'

export interface IdentityDeskDeps {
  readonly authenticator: Pick<Authenticator, 'identify' | 'verify' | 'isOwn'>
  readonly index: Pick<TokenIndex, 'goodForMs' | 'noteUse'>
  /** `REQUIRE_AUTH_FOR_FUNCTIONS`: otherwise foreign credentials are no guesses. */
  readonly requireAuthForFunctions: boolean
}

/** The controller's end of telling who calls: answers the workers. Does not reject. */
export class IdentityDesk {
  readonly #deps: IdentityDeskDeps

  constructor(deps: IdentityDeskDeps) {
    this.#deps = deps
  }

  async verify(header: string, address: string): Promise<WireVerdict> {
    const { authenticator, requireAuthForFunctions } = this.#deps
    const known = authenticator.identify(header)
    if (known !== undefined) return this.#toWire(known)
    if (!requireAuthForFunctions && authenticator.isOwn(header) === false) return { refused: 'credentials' }
    return this.#toWire(await authenticator.verify(header, address))
  }

  used(tokenIds: readonly string[]): void {
    for (const id of tokenIds) this.#deps.index.noteUse(id)
  }

  #toWire(verdict: Verdict): WireVerdict {
    if ('refused' in verdict) return verdict
    const { scopes, namespaces, ...rest } = verdict
    const goodForMs = rest.tokenId === undefined ? undefined : this.#deps.index.goodForMs(rest.tokenId)
    return {
      identity: { ...rest, scopes: [...scopes], namespaces: namespaces === 'all' ? 'all' : [...namespaces] },
      ...(goodForMs === undefined ? {} : { goodForMs })
    }
  }
}
