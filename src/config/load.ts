import { FaasError } from '../../api/errors.ts'
import { redactText } from '../logging/redact.ts'
import { Config, type ConfigName, configNames, metaOf } from './config.ts'
import { unknownNameProblem } from './names.ts'

/** Longer values are cut in messages. */
const MAX_SHOWN = 200

/** Read by `readAdminPassword` and never part of `Config`; known here, so that it is not taken for a mistake. */
const SECRET_NAMES = ['AUTH_PASSWORD'] as const

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
