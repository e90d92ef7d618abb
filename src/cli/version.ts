import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Environment } from './environment.ts'

export interface Version {
  readonly version: string
  /** Empty when the package does not say what it was built from. */
  readonly commit: string
}

/** Version of the package and the commit that it was built from. */
export function readVersion(): Version {
  // The sources lie two folders below package.json, the compiled files three.
  for (const up of ['../..', '../../..']) {
    try {
      const text = readFileSync(join(import.meta.dirname, up, 'package.json'), 'utf8')
      const { version, gitHead = '' } = JSON.parse(text) as { version: string; gitHead?: string }
      return { version, commit: gitHead }
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
    }
  }
  throw new Error('package.json was not found beside the program')
}

/** `docker-faas version`. */
export function addVersion(program: Command, { stdout }: Environment): void {
  program
    .command('version')
    .description('print the version')
    .action(() => void stdout.write(`${readVersion().version}\n`))
}
