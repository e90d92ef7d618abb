import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { builtCommit, cloneCommit } from './commit.ts'
import type { Environment } from './environment.ts'

export interface Version {
  readonly version: string
  /** 40 hex; empty when neither the package nor a clone says what it was built from. */
  readonly commit: string
}

/** Version of the package and the commit that it was built from. */
export function readVersion(): Version {
  // The sources lie two folders below package.json, the compiled files three.
  for (const up of ['../..', '../../..']) {
    const root = join(import.meta.dirname, up)
    try {
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
      return { version, commit: up === '../..' ? cloneCommit(root) : builtCommit(join(import.meta.dirname, '../..')) }
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
