import { Gauge, type Registry } from 'prom-client'

/** How it stands with the keys of secrets. */
export interface SecretMetrics {
  /** From now on each scrape asks how many keys are missing. */
  readonly watchSecretKeys: (missing: () => Promise<number>) => void
}

export function createSecretMetrics(registry: Registry): SecretMetrics {
  let ask = async () => 0
  const name = 'faas_secret_keys_missing'
  const help = 'Keys that secrets are encrypted with, or are to be, and that are not in SECRETS_KEY_FILE'
  new Gauge({
    ...{ name, help, registers: [registry] },
    async collect() {
      // A database that does not answer is told elsewhere, and must not cost the other metrics.
      await ask().then(
        count => this.set(count),
        () => undefined
      )
    }
  })
  return {
    watchSecretKeys: missing => {
      ask = missing
    }
  }
}
