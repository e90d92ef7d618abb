/** What is looked at of a package in package-lock.json. Source: npm's lockfileVersion 3. */
export interface LockEntry {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly hasInstallScript?: boolean
}

/** Path below the checkout → its entry; the empty path is our own. */
export type LockPackages = Readonly<Record<string, LockEntry>>

/** What is looked at of a package's own package.json. */
export interface Manifest {
  readonly license?: string | { readonly type?: string }
  /** As it was written long ago; npm leaves it out of the lock file. */
  readonly licenses?: readonly { readonly type?: string }[]
  readonly scripts?: Readonly<Record<string, string>>
}

/**
 * Licences of what is shipped: those that ask for no more than to be named, and MPL-2.0, which asks for the source of changes to its
 * own files, of which there are none here.
 */
export const ALLOWED_LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MPL-2.0',
  'Unlicense'
])

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall']

/** The name of the package at the path. */
export function nameOf(path: string): string {
  return path.replace(/^.*node_modules\//, '')
}

/** Packages for development of which `hack/build.ts` copies files into the program. */
const EMBEDDED = ['node_modules/swagger-ui-dist']

/** Paths of what is shipped: neither ours nor for development alone. */
export function shippedPaths(packages: LockPackages): string[] {
  return Object.keys(packages).filter(path => path !== '' && (packages[path]?.dev !== true || EMBEDDED.includes(path)))
}

/** The SPDX expression of a package; undefined when it names none. */
export function licenceOf(entry: LockEntry, manifest: Manifest | undefined): string | undefined {
  const own = manifest?.license
  const named = entry.license ?? (typeof own === 'string' ? own : own?.type)
  return named ?? manifest?.licenses?.map(({ type }) => type ?? 'unknown').join(' OR ')
}

/** What is wrong with the lock file: contents that are not pinned, and places to get them from, which are everybody's own. */
export function problemsOfLock(packages: LockPackages): string[] {
  return Object.entries(packages).flatMap(([path, { integrity, resolved, dev, optional, os }]) => {
    if (path === '') return []
    // Of platforms that the registry here does not serve, and never installed: see hack/lock.ts.
    const isElsewhere = dev === true && optional === true && os !== undefined
    return [
      ...(integrity === undefined && !isElsewhere ? [`${path} has no integrity in package-lock.json`] : []),
      ...(resolved === undefined ? [] : [`${path} has a "resolved" in package-lock.json: run npm run lock`])
    ]
  })
}

/** Packages that would run something when they are installed, and are not named in package.json's `allowScripts`. */
export function problemsOfScripts(
  packages: LockPackages,
  manifestOf: (path: string) => Manifest | undefined,
  allowScripts: Readonly<Record<string, boolean>>
): string[] {
  const paths = Object.keys(packages).filter(path => path !== '' && !(nameOf(path) in allowScripts))
  return paths.flatMap(path => {
    const script = INSTALL_SCRIPTS.find(name => manifestOf(path)?.scripts?.[name] !== undefined)
    if (script === undefined && packages[path]?.hasInstallScript !== true) return []
    return [
      `${path} runs a script at install (${script ?? 'as package-lock.json says'}): name it in allowScripts, or drop it`
    ]
  })
}

/** Shipped packages whose licence is not allowed, or not known. */
export function problemsOfLicences(
  packages: LockPackages,
  manifestOf: (path: string) => Manifest | undefined
): string[] {
  return shippedPaths(packages).flatMap(path => {
    const entry = packages[path] ?? {}
    const manifest = manifestOf(path)
    // An optional one that did not come here is not shipped from here.
    if (manifest === undefined && entry.optional === true && entry.license === undefined) return []
    const licence = licenceOf(entry, manifest)
    if (licence === undefined) return [`${path} names no licence`]
    return isAllowed(licence) ? [] : [`${path} has the licence ${licence}, which is not allowed`]
  })
}

/** Of alternatives one is enough; of what applies together, all have to be allowed. */
function isAllowed(expression: string): boolean {
  const bare = expression.replaceAll(/[()]/g, '')
  return bare.split(' OR ').some(one => one.split(' AND ').every(name => ALLOWED_LICENCES.has(name.trim())))
}
