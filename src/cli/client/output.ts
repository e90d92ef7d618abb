import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'
import { type Column, formatTable } from './table.ts'
import { createPaint, forOutput, terminalSafe, terminalSafeJson } from './terminal.ts'

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const
export type Format = (typeof FORMATS)[number]

export interface OutputOptions {
  /** `table` when left out. */
  readonly output?: string
  /** What commander makes of `--no-headers`; true when left out. */
  readonly headers?: boolean
}

/** How things of one kind are printed. */
export interface View<T> {
  readonly columns: readonly Column<T>[]
  /** What another command takes for it, such as `function/hello.team-a`. */
  readonly name: (item: T) => string
  /** What is said on the standard error when there is none. */
  readonly none: string
}

/** Of each command that prints objects. */
export const OUTPUT_OPTION = ['-o, --output <format>', `${FORMATS.join(', ')}; table when left out`] as const
export const HEADERS_OPTION = ['--no-headers', 'print no line of headers'] as const

/** The format that was asked for. Throws for one that is none. */
export function formatOf({ output = 'table' }: OutputOptions): Format {
  const format = FORMATS.find(name => name === output)
  if (format === undefined) throw usageError(`-o must be one of ${FORMATS.join(', ')}, not ${JSON.stringify(output)}`)
  return format
}

/** Prints several things. JSON is one list (`kind: List`), YAML a document for each: what `apply` reads. */
export async function printList<T extends object>(
  { env, stdout, stderr }: Environment,
  items: readonly T[],
  view: View<T>,
  options: OutputOptions = {}
): Promise<void> {
  const format = formatOf(options)
  if (format === 'json') {
    stdout.write(toJson({ apiVersion: 'v1', kind: 'List', items }))
  } else if (format === 'yaml') {
    const documents = await Promise.all(items.map(toYaml))
    stdout.write(forOutput(documents.join('---\n'), stdout))
  } else if (format === 'name') {
    stdout.write(items.map(item => `${terminalSafe(view.name(item))}\n`).join(''))
  } else if (items.length === 0) {
    stderr.write(`${view.none}\n`)
  } else {
    const paint = createPaint(env, stdout)
    const layout = {
      headers: options.headers ?? true,
      wide: format === 'wide',
      width: tableWidth(stdout, format),
      paint
    }
    stdout.write(await formatTable(items, view.columns, layout))
  }
}

/** Columns of the terminal that a table has to keep to; undefined in pipes, and of `wide`, where everything is shown. */
export function tableWidth({ isTTY, columns }: Environment['stdout'], format: Format): number | undefined {
  // 0: the terminal does not know.
  return isTTY === true && format === 'table' ? columns || undefined : undefined
}

/** Prints one thing. */
export async function printOne<T extends object>(
  environment: Environment,
  item: T,
  view: View<T>,
  options: OutputOptions = {}
): Promise<void> {
  if (formatOf(options) === 'json') environment.stdout.write(toJson(item))
  else await printList(environment, [item], view, options)
}

/** Indented JSON with a line feed at the end, in which no character commands a terminal. */
export function toJson(value: unknown): string {
  return `${terminalSafeJson(JSON.stringify(value, null, 2))}\n`
}

/** One YAML document, without aliases and folded lines. */
export async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}
