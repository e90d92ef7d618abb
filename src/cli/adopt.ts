import { stat } from 'node:fs/promises'
import { type Config, loadConfig } from '../config/config.ts'
import { readAdminPassword } from '../http/auth.ts'
import type { AdoptionItem, AdoptionList, AdoptionOutcome } from '../http/deps.ts'
import type { Problem } from '../http/errors.ts'
import type { Environment } from './environment.ts'
import { passwordSources } from './password.ts'

export interface AdoptOptions {
  readonly confirm: boolean
  readonly delete: boolean
  readonly json: boolean
  /** URL of the gateway; that of the configuration when left out. */
  readonly gateway?: string
}

const TIMEOUT_MS = 30_000

/** Lists what a gateway whose database is older than what runs would write down, or has it do so, or give it up. */
export async function adopt(
  { env, stdout }: Environment,
  functions: readonly string[],
  options: AdoptOptions
): Promise<void> {
  if (options.confirm && options.delete) throw new Error('choose one of --confirm and --delete')
  const isDecision = options.confirm || options.delete
  if (functions.length > 0 && !isDecision) throw new Error('functions are named with --confirm or --delete only')
  const gateway = await GatewayApi.connect(loadConfig(env), env, options.gateway)
  const choice = { action: options.delete ? 'delete' : 'adopt', ...(functions.length > 0 ? { functions } : {}) }
  const answer = isDecision ? await gateway.call('POST', choice) : await gateway.call('GET')
  const text = options.json
    ? JSON.stringify(answer, null, 2)
    : isDecision
      ? describeOutcome(answer as AdoptionOutcome)
      : describeList(answer as AdoptionList)
  stdout.write(`${text}\n`)
}

/** The running gateway: it alone writes its database. */
class GatewayApi {
  readonly #url: string
  readonly #headers: Record<string, string>

  private constructor(url: string, headers: Record<string, string>) {
    this.#url = url
    this.#headers = headers
  }

  /** Throws what helps when no gateway answers, or nobody says the password. */
  static async connect(config: Config, env: Environment['env'], given: string | undefined): Promise<GatewayApi> {
    const url = given?.replace(/\/+$/, '') ?? `http://${hostOf(config.GATEWAY_ADDRESS)}:${config.GATEWAY_PORT}`
    try {
      await fetch(`${url}/livez`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    } catch (err) {
      throw new Error(`no gateway answers at ${url}: start it first, or name it with --gateway`, { cause: err })
    }
    if (!config.AUTH_ENABLED) return new GatewayApi(url, {})
    const sources = passwordSources(config, env)
    const isThere = await stat(sources.generatedFile).catch(() => undefined)
    if (!sources.password && !sources.file && isThere === undefined) {
      throw new Error(
        `there is no ${sources.generatedFile}: set STATE_DB_PATH as the gateway has it, or AUTH_PASSWORD or AUTH_PASSWORD_FILE`
      )
    }
    const { password } = await readAdminPassword(sources)
    const credentials = Buffer.from(`${config.AUTH_USER}:${password}`).toString('base64')
    return new GatewayApi(url, { authorization: `Basic ${credentials}` })
  }

  async call(method: 'GET' | 'POST', body?: object): Promise<unknown> {
    const answer = await fetch(`${this.#url}/v1/adopt`, {
      method,
      headers: this.#headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    if (answer.ok) return JSON.parse(text)
    throw new Error(`the gateway answered ${answer.status}: ${detailOf(text)}`)
  }
}

function detailOf(text: string): string {
  try {
    return (JSON.parse(text) as Problem).detail
  } catch {
    return text.trim() // not a problem of ours: a proxy may stand before the gateway
  }
}

/** An address to listen on, as one to connect to. */
function hostOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '[::1]' : address.includes(':') ? `[${address}]` : address
}

function describeList(list: AdoptionList): string {
  const lines = [
    ...list.adopt.map(item => `adopt ${describeItem(item)}`),
    ...list.conflicts.map(item => `conflict ${describeItem(item)}: ${item.reason}`),
    ...list.delete.map(({ kind, name, reason }) => `delete ${kind} ${name}: ${reason}`),
    ...(list.forged > 0 ? [`${list.forged} objects are not signed with the instance key: see docs/operations.md`] : [])
  ]
  if (!list.active && list.delete.length === 0) return [...lines, 'nothing waits for a decision'].join('\n')
  const since = list.since === undefined ? '' : `the database is older than what runs (found ${list.since})\n`
  const ends =
    'nothing was changed: "docker-faas adopt --confirm" does this, "docker-faas adopt --delete" gives all of it up'
  return `${since}${[...lines, ends].join('\n')}`
}

function describeItem({ function: key, generation, replicas, image, database }: AdoptionItem): string {
  const known = database === undefined ? 'not in the database' : `generation ${database} in the database`
  return `${key}: generation ${generation}, ${replicas} of ${image}; ${known}`
}

function describeOutcome({ active, adopted, deleted }: AdoptionOutcome): string {
  const lines = [...adopted.map(key => `adopted ${key}`), ...deleted.map(what => `gave up ${what}`)]
  return [...lines, active ? 'something is left to decide: see "docker-faas adopt"' : 'nothing is left to decide'].join(
    '\n'
  )
}
