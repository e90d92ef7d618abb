import { constants, createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

/** Where the page of the documentation and its own files lie. */
export const PAGE_FOLDER = join(import.meta.dirname, 'docs-page')
/** The page; its parts are those below. */
export const PAGE = 'page.html'

/** What the page loads, and what it is sent as. Source of those of Swagger UI: the package `swagger-ui-dist`. */
export const PAGE_FILES: Readonly<Record<string, string>> = {
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8'
}
/** The licences of what comes from others: they go where it goes. */
export const PAGE_LICENCES = ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']

/** The folder of Swagger UI's files, where packages for development are installed. */
export function swaggerFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
}

export interface PageFile {
  readonly bytes: number
  /** Reads it from the disk: nothing of it stays in memory. */
  readonly open: () => Readable
}

/** A file of the page: beside the program where it was built, else out of the package. */
export async function findPageFile(name: string): Promise<PageFile> {
  const own = join(PAGE_FOLDER, name)
  const isOwn = await access(own, constants.R_OK).then(
    () => true,
    () => false
  )
  const path = isOwn ? own : join(swaggerFolder(), name)
  const { size } = await stat(path)
  return { bytes: size, open: () => createReadStream(path) }
}
