import { existsSync, readFileSync } from 'node:fs'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>
}

/** Folders of the installed packages that the program needs when it runs, as the lock file of the current folder says. */
export function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true && existsSync(path))
    .map(([path]) => path)
}
