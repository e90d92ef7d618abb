import * as z from 'zod'
import { accessFields } from './access-fields.ts'
import { asyncFields } from './async-fields.ts'
import { engineFields } from './engine-fields.ts'
import { duration, type FieldMeta, field, fieldMeta, integer } from './field.ts'
import { functionFields } from './function-fields.ts'
import { gatewayFields } from './gateway-fields.ts'
import { isolationFields } from './isolation-fields.ts'
import { loopFields } from './loop-fields.ts'
import { outputFields } from './output-fields.ts'
import { MAX_COUNT, YEAR_MS } from './units.ts'

const NO_EFFECT = { noEffectYet: true }

/** Every variable of the environment that this program reads, but for `AUTH_PASSWORD`, which is a secret. */
export const Config = z
  .object({
    ...gatewayFields,
    ...asyncFields,
    ...accessFields,
    ...engineFields,
    ...isolationFields,
    ...functionFields,
    ...loopFields,
    ...outputFields,
    BUILD_HISTORY_LIMIT: field(integer(0, MAX_COUNT), '100', 'How many builds are remembered', NO_EFFECT),
    BUILD_HISTORY_RETENTION: field(duration(0, YEAR_MS), '24h', 'How long builds are remembered', NO_EFFECT),
    BUILD_OUTPUT_LIMIT: field(integer(0, 2 ** 30, 'bytes'), '204800', 'How much output of one build is kept', NO_EFFECT)
  })
  .refine(
    ({ METRICS_ENABLED, METRICS_PORT, GATEWAY_PORT }) =>
      !METRICS_ENABLED || METRICS_PORT === 0 || METRICS_PORT !== GATEWAY_PORT,
    {
      path: ['METRICS_PORT'],
      error: 'must be another port than GATEWAY_PORT',
      when: areValid('METRICS_ENABLED', 'METRICS_PORT', 'GATEWAY_PORT')
    }
  )
  .refine(({ TLS_CERT_FILE, TLS_KEY_FILE }) => TLS_CERT_FILE === '' || TLS_KEY_FILE !== '', {
    path: ['TLS_KEY_FILE'],
    error: 'must be set together with TLS_CERT_FILE',
    when: areValid('TLS_CERT_FILE', 'TLS_KEY_FILE')
  })
  .refine(({ TLS_CERT_FILE, TLS_KEY_FILE }) => TLS_CERT_FILE !== '' || TLS_KEY_FILE === '', {
    path: ['TLS_CERT_FILE'],
    error: 'must be set together with TLS_KEY_FILE',
    when: areValid('TLS_CERT_FILE', 'TLS_KEY_FILE')
  })
  .refine(({ AUTOSCALER_BURST_WINDOW: burst, AUTOSCALER_STABLE_WINDOW: stable }) => burst <= stable, {
    path: ['AUTOSCALER_BURST_WINDOW'],
    error: 'must be at most AUTOSCALER_STABLE_WINDOW',
    when: areValid('AUTOSCALER_BURST_WINDOW', 'AUTOSCALER_STABLE_WINDOW')
  })
  .refine(({ DEFAULT_REPLICAS, MAX_REPLICAS }) => DEFAULT_REPLICAS <= MAX_REPLICAS, {
    path: ['DEFAULT_REPLICAS'],
    error: 'must be at most MAX_REPLICAS',
    when: areValid('DEFAULT_REPLICAS', 'MAX_REPLICAS')
  })

/** What the program runs with: durations in milliseconds, sizes in bytes (0: none), and no secret, so that it may be logged whole. */
export type Config = Readonly<z.output<typeof Config>>

export type ConfigName = keyof Config

/** The variables that are accepted and checked, though nothing reads them. */
export const NO_EFFECT_YET: readonly ConfigName[] = configNames().filter(name => metaOf(name).noEffectYet)

/** The variables of the schema, in the order of the reference page. */
export function configNames(): ConfigName[] {
  return Object.keys(Config.shape) as ConfigName[]
}

/** What the reference page says of a variable. */
export function metaOf(name: ConfigName): FieldMeta {
  const meta = fieldMeta.get(Config.shape[name])
  if (meta === undefined) throw new Error(`${name} is described nowhere`)
  return meta
}

/** Whether a rule about these variables can be asked: none of them is wrong by itself. */
function areValid(...names: readonly string[]) {
  return ({ issues }: z.core.ParsePayload): boolean => !issues.some(issue => names.includes(String(issue.path?.[0])))
}
