import { LEGACY_NAME } from '../../../api/names.ts'
import { usageError } from '../exit-code.ts'
import { queryOf } from './gateway-client.ts'
import { terminalSafe } from './terminal.ts'

/** One function, as it is named in URLs. */
export interface FunctionName {
  readonly name: string
  readonly namespace: string
}

/**
 * The function that `NAME`, `NAME.NAMESPACE` or `function/NAME[.NAMESPACE]` means, as other commands print it. `given` is what
 * `--namespace` says, which must not disagree; `fallback` the namespace of who names none.
 */
export function parseFunctionName(
  text: string,
  { given, fallback }: { readonly given: string | undefined; readonly fallback: string }
): FunctionName {
  const [, name = '', namespace] = /^(?:functions?\/|fn\/)?([^./]+)(?:\.([^/]+))?$/.exec(text) ?? []
  if (!LEGACY_NAME.test(name) || (namespace !== undefined && !LEGACY_NAME.test(namespace))) {
    throw usageError(`${terminalSafe(JSON.stringify(text))} is no name of a function: NAME or NAME.NAMESPACE`)
  }
  if (namespace !== undefined && given !== undefined && namespace !== given) {
    throw usageError(`${text} and --namespace ${terminalSafe(given)} name two namespaces`)
  }
  return { name, namespace: namespace ?? given ?? fallback }
}

/** Where `/v1` has the function, or the aspect of it that `rest` names. */
export function functionPath({ name, namespace }: FunctionName, rest = '', query: Parameters<typeof queryOf>[0] = {}) {
  return `/v1/functions/${encodeURIComponent(name)}${rest}${queryOf({ namespace, ...query })}`
}
