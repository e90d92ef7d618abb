import { type ErrorDescription, summarizeError } from './error-chain.ts'

/** Fields that every record has and the text form shows in its own way, or not at all. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['name', 'hostname', 'pid', 'level', 'msg', 'time', 'v', 'err'])
const DIM = '2'
const BOLD = '1'
const LEVELS = [
  { from: 50, label: 'ERROR', colour: '31' },
  { from: 40, label: 'WARN ', colour: '33' },
  { from: 30, label: 'INFO ', colour: '32' },
  { from: 0, label: 'DEBUG', colour: '34' }
] as const

/**
 * A record for people: `03:04:05.678 WARN  Failed to reconcile: no such image key=openfaas-fn/echo`, then, indented, the
 * error with its causes and the stack of its origin. Holds no control characters but line ends and our own colours.
 */
export function formatLogText(record: Readonly<Record<string, unknown>>, colour: boolean): string {
  const paint = (code: string, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  const level = LEVELS.find(({ from }) => Number(record['level']) >= from) ?? LEVELS[1]
  const fields = Object.entries(record)
    .filter(([name, value]) => !OWN_FIELDS.has(name) && value !== undefined)
    .map(([name, value]) => `${paint(DIM, `${printable(name)}=`)}${formatValue(value)}`)
  const time = String(record['time']).slice(11, 23)
  const head = [
    paint(DIM, time),
    paint(level.colour, level.label),
    paint(BOLD, printable(String(record['msg'])) + formatBrief(record['err'])),
    ...fields
  ]
  return [head.join(' '), ...formatError(record['err'])].join('\n')
}

function formatValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@+-]+$/.test(value)) return value
  return printable(JSON.stringify(value) ?? String(value))
}

/** What went wrong, in short: the first line may be all that is looked at. */
function formatBrief(err: unknown): string {
  const message = (err as ErrorDescription | null | undefined)?.message
  return typeof message === 'string' && message !== '' ? `: ${printable(message)}` : ''
}

function formatError(err: unknown): string[] {
  if (typeof err !== 'object' || err === null) return []
  const error = err as ErrorDescription
  let origin = error
  while (origin.cause !== undefined) origin = origin.cause
  const frames = (origin.stack ?? '').split('\n').filter(line => line.trimStart().startsWith('at '))
  return [
    `    ${printable(summarizeError(error))}`,
    ...frames.slice(0, 8).map(line => `      ${printable(line.trim())}`)
  ]
}

/** Text that cannot drive a terminal, nor reorder or part what it shows. Source: CVE-2021-42574. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => {
    const code = character.codePointAt(0) ?? 0
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}
