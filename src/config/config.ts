import * as z from 'zod'
import { FaasError } from '../../api/errors.ts'
import { redactText } from '../logging/redact.ts'
import { asyncFields } from './async-fields.ts'
import {
  address,
  bool,
  bytes,
  cidrs,
  cpu,
  duration,
  type FieldMeta,
  field,
  fieldMeta,
  flag,
  integer,
  ipv4Network,
  oneOf,
  origins,
  path,
  port,
  portRange,
  ports,
  text
} from './field.ts'
import { isolationFields } from './isolation-fields.ts'
import { unknownNameProblem } from './names.ts'

const SECOND_MS = 1000
const HOUR_MS = 3_600_000
const YEAR_MS = 8760 * HOUR_MS
const MAX_COUNT = 1_000_000
/** Longer values are cut in messages. */
const MAX_SHOWN = 200
const NO_EFFECT = { noEffectYet: true }

const dockerName = text(
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/,
  'name',
  "1 to 63 letters, digits, '_', '.' and '-', starting with a letter or digit",
  'docker-faas-net'
)
const containerName = text(
  /^([a-zA-Z0-9][a-zA-Z0-9_.-]{0,127})?$/,
  'name or id',
  'the name or id of a container',
  'docker-faas-gateway'
)
const dnsLabel = text(
  /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/,
  'DNS label',
  "1 to 40 of a-z, 0-9 and '-', starting and ending with a letter or digit",
  'docker-faas'
)
const user = text(/^[^:\s\p{Cc}]{1,64}$/u, 'text', "1 to 64 characters without ':' or spaces", 'admin')
const dockerHost = text(
  /^(unix:\/\/\/|npipe:\/\/|(tcp|https?|ssh):\/\/[^/\s])\S+$/,
  'URL',
  'unix:///path, npipe://path, tcp://host:port, http(s)://host:port or ssh://user@host',
  'unix:///var/run/docker.sock'
)
const filePath = text(/^[^\0]{1,4096}$/, 'path', 'a path of at most 4096 characters', 'docker-faas.db')
const logLevel = oneOf(['debug', 'info', 'warn', 'error'], {
  ...{ trace: 'debug', warning: 'warn', fatal: 'error', panic: 'error' }
})

/** Every variable of the environment that this program reads, but for `AUTH_PASSWORD`, which is a secret. */
export const Config = z
  .object({
    GATEWAY_ADDRESS: field(address, '0.0.0.0', 'Where the API and the functions are served'),
    GATEWAY_PORT: field(port, '8080', 'Port of the API and the functions; 0 is any free one'),
    GATEWAY_WORKERS: field(
      integer(0, 64),
      '1',
      'Processes that take connections and calls of functions, beside the one with the API and the loop; 0: that one does it all'
    ),
    READ_TIMEOUT: field(
      duration(1),
      '60s',
      'How long a client may take to send a request to the API, and with fewer than 500 bytes a second of the body of a call; its head has 10s at most'
    ),
    WRITE_TIMEOUT: field(
      duration(1),
      '60s',
      'A client that takes nothing of an answer of the API for so long is cut off'
    ),
    EXEC_TIMEOUT: field(
      duration(1),
      '60s',
      'How long a call of a function may go on without a byte in either direction, unless the function says otherwise (docs/calls.md)'
    ),
    FUNCTION_WAIT_TIMEOUT: field(
      duration(),
      '30s',
      'How long a call is held for a function that is starting, or woken by it; annotation com.docker-faas.scale.wake-timeout says it for one function'
    ),
    FUNCTION_WAIT_MAX: field(
      integer(0, MAX_COUNT),
      '1000',
      'How many calls of one function are held while it starts; 8 times as many in all'
    ),
    FUNCTION_WAIT_BYTES_MAX: field(
      bytes('1Ki'),
      '16Mi',
      'Most bytes of heads and bodies of the calls of one function that are held; 8 times as many in all. Not set: no limit'
    ),
    FUNCTION_BODY_MAX: field(bytes('1Ki'), '1Gi', 'Most bytes in the body of a call; not set: no limit'),
    FUNCTION_CALLS_MAX: field(
      integer(0, MAX_COUNT),
      '0',
      'Most calls of all functions under way at once, sessions and streams among them; one more gets 503; 0: any number'
    ),
    OVERLOAD_DELAY: field(
      duration(10),
      '1s',
      'How late the gateway may be in looking at what comes, for a while, before it refuses some calls with 503'
    ),
    FUNCTION_HOPS_MAX: field(
      integer(0, 1000),
      '16',
      'How often a call may pass through the gateway, from function to function, before it is a loop; 0: any number'
    ),
    MAX_CONNECTIONS: field(
      integer(16, MAX_COUNT),
      '10000',
      'Most connections of clients at once, and at most half of the files that the process may open; when there are more, those that only wait go first'
    ),
    ...asyncFields,
    SHUTDOWN_GRACE: field(duration(), '30s', 'How long running calls may go on after the gateway is told to stop'),
    TLS_CERT_FILE: field(
      path,
      '',
      'File with the certificate of GATEWAY_PORT and its chain, in PEM; read again when it changes. Not set: plain HTTP'
    ),
    TLS_KEY_FILE: field(path, '', 'File with the key of that certificate, in PEM and without a passphrase'),
    CORS_ALLOWED_ORIGINS: field(
      origins,
      '',
      'Origins of web pages that may use the API from a browser; *: any, but only with a token that they bring themselves'
    ),

    AUTH_ENABLED: field(bool, 'true', 'Whether the API asks for a password'),
    AUTH_USER: field(user, 'admin', 'Name of the administrator', { secret: true }),
    AUTH_PASSWORD_FILE: field(path, '', "File that holds the administrator's password", { secret: true }),
    REQUIRE_AUTH_FOR_FUNCTIONS: field(bool, 'true', 'Whether calls of functions need the password too'),
    AUTH_RATE_LIMIT: field(
      integer(0, MAX_COUNT),
      '10',
      'Wrong credentials per window and address until it must wait; 0: any number'
    ),
    AUTH_RATE_WINDOW: field(duration(SECOND_MS), '1m', 'Window in which wrong credentials are counted'),
    AUTH_TOKEN_TTL: field(duration(SECOND_MS, YEAR_MS), '30m', 'How long a token of a login is good'),

    TRUST_PROXY: field(
      cidrs,
      '',
      'Networks of proxies in front whose X-Forwarded-… is believed and passed on; without any, the client is who connects'
    ),

    LOG_READERS_MAX: field(
      integer(1, 10_000),
      '100',
      'How many may read or follow logs of functions at the same time; others are told to come again'
    ),
    API_RATE_LIMIT: field(
      integer(0, MAX_COUNT),
      '6000',
      'Most requests to the API per window and user or token, or address without authentication; calls of functions do not count; 0: any number'
    ),
    API_RATE_WINDOW: field(duration(SECOND_MS), '1m', 'Window in which requests to the API are counted'),
    SCHEDULE_SPREAD: field(
      duration(0, 60_000),
      '1s',
      'Functions whose schedules share a tick are called spread over so long, each at its own place'
    ),
    AUDIT_RETENTION: field(duration(HOUR_MS, 10 * YEAR_MS), '2160h', 'How long rows of the audit log are kept'),
    AUDIT_MAX_ROWS: field(
      integer(1000, 100_000_000),
      '200000',
      'Most rows of the audit log, about half a kilobyte each; the oldest go first'
    ),

    INSTANCE_ID: field(
      dnsLabel,
      'docker-faas',
      'Tells installations on one engine apart; objects of another id are never touched'
    ),
    STATE_DB_PATH: field(filePath, 'docker-faas.db', 'The SQLite file'),
    SECRETS_KEY_FILE: field(
      path,
      '',
      'File with the keys that secrets are encrypted with; `secrets-key` beside the database when not set, made when missing',
      { secret: true }
    ),

    DOCKER_HOST: field(dockerHost, 'unix:///var/run/docker.sock', 'The engine'),
    ENGINE_TIMEOUT: field(duration(SECOND_MS), '30s', 'How long one call of the engine may take'),
    ENGINE_REPAIR_RATE: field(
      integer(1, 10_000),
      '30',
      'Most steps per second with which the engine is asked to mend what nobody asked to change, in the long run'
    ),
    ENGINE_REPAIR_BURST: field(integer(1, 10_000), '60', 'How many such steps may come at once after a quiet time'),
    FUNCTIONS_NETWORK: field(dockerName, 'docker-faas-net', 'First part of the names of the networks of functions'),
    FUNCTIONS_SUBNET_POOL: field(
      ipv4Network(8, 24),
      '10.62.0.0/16',
      'Where the networks of functions get their addresses'
    ),
    FIREWALL: field(
      oneOf(['auto', 'off']),
      'auto',
      'Whether functions are kept from the host, from each other and from metadata addresses by rules of iptables, where the gateway can write them'
    ),
    ...isolationFields,
    FUNCTIONS_MAY_CALL: field(
      oneOf(['nothing', 'functions', 'everything']),
      'nothing',
      'What functions may ask of the gateway: nothing, calls of functions, or all of its API'
    ),
    FUNCTIONS_HOST_PORTS: field(
      ports,
      '',
      'Ports of the host that functions may connect to, such as that of a database'
    ),
    GATEWAY_CONTAINER_NAME: field(
      containerName,
      '',
      'The container that the gateway runs in; found by itself when not set'
    ),
    IMAGE_PULL_POLICY: field(oneOf(['Always', 'IfNotPresent', 'Never']), 'IfNotPresent', 'When images are pulled'),
    REGISTRY_AUTH_FILE: field(path, '', "Docker's config.json with the credentials of registries", { secret: true }),
    PULL_INACTIVITY_TIMEOUT: field(duration(SECOND_MS), '60s', 'A pull without any progress for so long has failed'),

    DEFAULT_REPLICAS: field(integer(0, 10_000), '1', 'Replicas of a new function that names no number'),
    MAX_REPLICAS: field(integer(1, 10_000), '10', 'Most replicas that a function may ask for'),
    AUTOSCALER_ENABLED: field(bool, 'true', 'Whether functions are scaled by their calls, and idle ones to zero'),
    AUTOSCALER_STABLE_WINDOW: field(
      duration(SECOND_MS, HOUR_MS),
      '60s',
      'The load of a function is a mean over so long; it scales down only to the most that was wanted in so long'
    ),
    AUTOSCALER_BURST_WINDOW: field(
      duration(SECOND_MS, HOUR_MS),
      '6s',
      'A function scales up at once for a mean over so short a time'
    ),
    AUTOSCALER_STEP_MAX: field(
      integer(1, 10_000),
      '4',
      'Most replicas that are added to a function at once; as many as are ready may always be added'
    ),
    FUNCTIONS_PER_NAMESPACE_MAX: field(integer(0, MAX_COUNT), '2000', 'Most functions in one namespace; 0: any number'),
    MEMORY_DEFAULT: field(
      bytes('6Mi'),
      '',
      'Memory limit of functions that name none; not set: nine tenths of what the engine has'
    ),
    CPU_DEFAULT: field(
      cpu,
      '',
      'CPU limit of functions that name none; not set: nine tenths of the cores of the engine'
    ),
    PIDS_LIMIT: field(integer(16, 4_194_304), '512', 'Most processes and threads in one replica'),
    TMPFS_BYTES: field(bytes('64Ki'), '64Mi', "Size of a replica's /tmp, which is memory"),
    LOG_MAX_BYTES: field(bytes('64Ki'), '10Mi', "Size at which the engine rotates a replica's log"),
    DEBUG_BIND_ADDRESS: field(
      address,
      '127.0.0.1',
      "Address of the engine's host that debug ports are bound on; who reaches one runs code in the function"
    ),
    DEBUG_PORT_RANGE: field(
      portRange(3),
      '20000-21999',
      "Ports of the engine's host for debuggers, three for each replica of a function with debug"
    ),

    RECONCILE_INTERVAL_SECONDS: field(
      integer(1, 86_400, 'seconds'),
      '30',
      'Every function is looked at at least this often'
    ),
    RECONCILE_CONCURRENCY: field(integer(1, 256), '8', 'How many functions are reconciled at the same time'),
    RECONCILE_DEADLINE: field(
      duration(SECOND_MS, HOUR_MS),
      '60s',
      'A pass over one function that takes longer is given up'
    ),
    READY_TIMEOUT: field(duration(SECOND_MS), '60s', 'A replica that does not answer for so long has failed'),
    DRAIN_TIMEOUT: field(duration(), '60s', 'How long calls of an outdated replica may go on before it is stopped'),
    STOP_GRACE: field(duration(), '10s', 'Time between asking a replica to stop and killing it'),
    GC_GRACE: field(
      duration(),
      '60s',
      'How long an object without an owner is left alone, and a deletion waits for a network that the engine keeps'
    ),
    GC_INTERVAL: field(
      duration(SECOND_MS),
      '60s',
      'How often objects without an owner and unused images are looked for'
    ),
    IMAGE_GC_GRACE: field(
      duration(0, YEAR_MS),
      '24h',
      'How long an image that was pulled for a function stays when nothing uses it any more, unless the disk is full; 0: for good'
    ),

    LOG_LEVEL: field(logLevel, 'info', 'Least level that is logged'),
    LOG_FORMAT: field(oneOf(['json', 'text']), 'json', 'One JSON object per line, or lines for people'),
    NO_COLOR: field(flag, '', 'No colours in the text form, whatever the value'),
    METRICS_ENABLED: field(bool, 'true', 'Whether metrics are served on a port of their own'),
    METRICS_ADDRESS: field(address, '0.0.0.0', 'Where metrics are served'),
    METRICS_PORT: field(port, '9090', 'Port of metrics; 0 is any free one'),

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

/** Read by `readAdminPassword` and never part of `Config`; known here, so that it is not taken for a mistake. */
const SECRET_NAMES = ['AUTH_PASSWORD'] as const

/** The variables that are accepted and checked, though nothing reads them. */
export const NO_EFFECT_YET: readonly ConfigName[] = configNames().filter(name => metaOf(name).noEffectYet)

const KNOWN_NAMES: ReadonlySet<string> = new Set<string>([...configNames(), ...SECRET_NAMES])

/** One variable that is wrong. */
export interface ConfigProblem {
  readonly variable: string
  /** What was given; absent for secrets, and for variables that are not known and so may be secrets. */
  readonly value?: string
  readonly message: string
  /** An assignment that would do. */
  readonly example?: string
}

/** The environment is no configuration; names every variable that is wrong. */
export class ConfigError extends FaasError {
  override name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
  readonly status = 500
  override readonly retryable = false
  /** Exit code of the process. Source: EX_CONFIG of sysexits.h. */
  readonly exitCode = 78
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(`the configuration is wrong:\n${problems.map(line => `  ${describeProblem(line)}`).join('\n')}`, options)
    this.problems = problems
  }
}

/** The frozen configuration that the environment describes; an empty variable is one that is not set. Throws `ConfigError`. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== '')
  const problems = given.flatMap(([name]) => {
    const message = unknownNameProblem(name, KNOWN_NAMES)
    return message === undefined ? [] : [{ variable: name, message }]
  })
  const parsed = Config.safeParse(Object.fromEntries(given.filter(([name]) => Object.hasOwn(Config.shape, name))))
  if (!parsed.success) {
    problems.push(
      ...parsed.error.issues.map(issue => toProblem(String(issue.path[0]) as ConfigName, issue.message, env))
    )
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(parsed.data)
}

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

function toProblem(
  variable: ConfigName,
  message: string,
  env: Readonly<Record<string, string | undefined>>
): ConfigProblem {
  const { secret, example, fallback } = metaOf(variable)
  const value = env[variable] || fallback
  return {
    variable,
    message,
    ...(example === value ? {} : { example: `${variable}=${example}` }),
    ...(secret ? {} : { value: redactText(value) })
  }
}

function describeProblem({ variable, value, message, example }: ConfigProblem): string {
  const shown = value === undefined ? variable : `${variable}=${JSON.stringify(value.slice(0, MAX_SHOWN))}`
  return `${shown} ${message}${example === undefined ? '' : `, for example ${example}`}`
}

/** Whether a rule about these variables can be asked: none of them is wrong by itself. */
function areValid(...names: readonly string[]) {
  return ({ issues }: z.core.ParsePayload): boolean => !issues.some(issue => names.includes(String(issue.path?.[0])))
}
