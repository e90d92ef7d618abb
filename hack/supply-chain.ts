/** Whether what is installed and shipped is pinned, has a licence that is allowed, and runs nothing unasked; code 1 when not. */
import { readFileSync } from 'node:fs'
import {
  type LockPackages,
  type Manifest,
  problemsOfLicences,
  problemsOfLock,
  problemsOfScripts,
  shippedPaths
} from './supply-chain-rules.ts'

/** The packages of package-lock.json. */
export function readLock(): LockPackages {
  return (JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: LockPackages }).packages
}

/** The package.json of the package that is installed at the path; undefined when none is. */
export function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(`${path}/package.json`, 'utf8')) as Manifest
  } catch {
    return undefined // for another platform
  }
}

if (import.meta.main) {
  const packages = readLock()
  const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { allowScripts: Record<string, boolean> }
  const problems = [
    ...problemsOfLock(packages),
    ...problemsOfScripts(packages, readManifest, allowScripts),
    ...problemsOfLicences(packages, readManifest)
  ]
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
  else console.log(`${shippedPaths(packages).length} packages are shipped`)
}
