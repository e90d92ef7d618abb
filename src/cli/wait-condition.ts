import { CONDITION_TYPES } from '../../api/condition.ts'
import type { Standing } from './client/follow-functions.ts'
import { currentCondition, describeProgress, isStuck } from './client/settled.ts'
import { usageError } from './exit-code.ts'

/** What is waited for, of one function. */
export interface Awaited {
  /** In words, as the user has written it. */
  readonly text: string
  /** Whether a function that is not there is a fault. */
  readonly needsFunction: boolean
  /** Whether it is so. */
  readonly isMet: (standing: Standing) => boolean
  /** Whether it is not so, and does not become so unless a person mends something. */
  readonly isHopeless: (standing: Standing) => boolean
}

const NEVER = () => false

/** What `--for` means. Throws for what is none. */
export function parseFor(text: string): Awaited {
  if (text === 'delete')
    return { text, needsFunction: false, isMet: standing => standing === undefined, isHopeless: NEVER }
  const [, kind, rest = ''] = /^(condition|jsonpath)=(.+)$/.exec(text) ?? []
  if (kind === 'condition') return { text, needsFunction: true, ...conditionOf(rest) }
  if (kind === 'jsonpath') return { text, needsFunction: true, isMet: jsonPathOf(rest), isHopeless: NEVER }
  throw usageError("--for must be condition=TYPE[=STATUS], delete or jsonpath='{.path}'[=VALUE]")
}

function conditionOf(text: string): Pick<Awaited, 'isMet' | 'isHopeless'> {
  const [name = '', wanted = 'True'] = text.split('=', 2)
  const type = CONDITION_TYPES.find(each => each.toLowerCase() === name.toLowerCase())
  if (type === undefined) throw usageError(`there is no condition ${name}; there are ${CONDITION_TYPES.join(', ')}`)
  const status = ['True', 'False', 'Unknown'].find(each => each.toLowerCase() === wanted.toLowerCase())
  if (status === undefined) throw usageError(`a condition is True, False or Unknown, not ${wanted}`)
  const isMet: Awaited['isMet'] = standing =>
    standing !== undefined && currentCondition(standing, type)?.status === status
  // What is wrong keeps a function from being well; that something else becomes wrong with it may be waited for all the same.
  const isWell = type === 'Degraded' ? status === 'False' : type === 'Ready' && status === 'True'
  return { isMet, isHopeless: standing => isWell && standing !== undefined && isStuck(standing) && !isMet(standing) }
}

/** Of `{.status.readyReplicas}=2`: fields and numbers in brackets alone. Without a value: that something is there. */
function jsonPathOf(text: string): Awaited['isMet'] {
  const [, path = '', wanted] = /^\{?((?:\.[A-Za-z_][\w-]*|\[\d+\]|\['[^'\]]+'\])+)\}?(?:=(.*))?$/s.exec(text) ?? []
  if (path === '') throw usageError(`${JSON.stringify(text)} is no path such as {.status.readyReplicas}=2`)
  const steps = [...path.matchAll(/\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^'\]]+)'\]/g)].map(
    ([, field, index, quoted]) => field ?? quoted ?? Number(index)
  )
  return standing => {
    const found = steps.reduce<unknown>(at, standing)
    if (found === undefined || found === null) return false
    return wanted === undefined || (typeof found === 'object' ? JSON.stringify(found) : String(found)) === wanted
  }
}

function at(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
  return (value as Record<string | number, unknown>)[step]
}

/** What is the matter with one that is waited for, for people. */
export function describeStanding(name: string, standing: Standing): string {
  return standing === undefined ? `${name} is not there` : `${name}: ${describeProgress(standing)}`
}
