import { StoreUnavailableError } from '../../src/store/errors.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import { KilledError } from '../helpers/killed-engine.ts'
import type { FlakyFunctionsDeps } from './flaky-functions.ts'

export interface FlakySecretsDeps extends Pick<FlakyFunctionsDeps, 'rates' | 'random' | 'isAlive'> {
  readonly secrets: SecretStore
}

/** The secrets as one process sees them: it only reads, and that fails. */
export function flakySecrets({ secrets, rates, random, isAlive }: FlakySecretsDeps): SecretStore {
  const read = async <T>(run: () => Promise<T>): Promise<T> => {
    if (!isAlive()) throw new KilledError('the process was killed')
    if (random.chance(rates.storeFault)) throw new StoreUnavailableError('injected')
    return run()
  }
  return {
    get: key => read(() => secrets.get(key)),
    list: options => read(() => secrets.list(options)),
    reveal: object => read(() => secrets.reveal(object)),
    put: (key, value, options) => secrets.put(key, value, options),
    delete: (key, options) => secrets.delete(key, options),
    reseal: () => secrets.reseal(),
    usedKeyIds: () => secrets.usedKeyIds(),
    onChange: listener => secrets.onChange(listener)
  }
}
