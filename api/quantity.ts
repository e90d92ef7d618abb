/** Of Kubernetes' quantities: `2`, `0.5`, `.5`, `5.`; an exponent stands in place of a suffix. */
const NUMBER = String.raw`(\d+(?:\.\d*)?|\.\d+)`
const EXPONENT = String.raw`[eE][+-]?\d{1,3}`
const MEMORY = new RegExp(`^${NUMBER}(${EXPONENT}|Ki|Mi|Gi|Ti|k|K|M|G|T|b|m|g)?$`)
const CPU = new RegExp(`^${NUMBER}(${EXPONENT}|m)?$`)

const BINARY: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 }
const DECIMAL: Readonly<Record<string, number>> = { k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }
/** Docker's own suffixes (`256m`, `1g`, `512b`), which the older Docker FaaS passed on: powers of 1024. */
const DOCKER: Readonly<Record<string, number>> = { b: 1, m: 2 ** 20, g: 2 ** 30 }

/**
 * Bytes of a memory quantity: `128Mi`, `1Gi`, `256m` (Docker's mebibytes), `1G`, `134217728`, `129e6`.
 * Undefined when it is none, is not positive, or is beyond 2^53.
 */
export function parseMemory(text: string): number | undefined {
  const match = MEMORY.exec(text.trim())
  if (match === null) return undefined
  const suffix = match[2] ?? 'b'
  const factor = BINARY[suffix] ?? DECIMAL[suffix] ?? DOCKER[suffix] ?? Number(`1${suffix}`)
  const bytes = Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}

/**
 * Billionths of a core of a CPU quantity: `500m`, `0.5`, `2`, `5e-1`.
 * Undefined when it is none or less than a thousandth of a core, the least that the engine can enforce.
 */
export function parseCpu(text: string): number | undefined {
  const match = CPU.exec(text.trim())
  if (match === null) return undefined
  const suffix = match[2] ?? 'e0'
  const nanoCpus = Math.round(Number(match[1]) * (suffix === 'm' ? 1e6 : 1e9 * Number(`1${suffix}`)))
  return nanoCpus >= 1e6 && nanoCpus <= 4096e9 ? nanoCpus : undefined
}
