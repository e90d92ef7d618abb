import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../command.ts'
import { productionPackages } from './production-packages.ts'

const FILES = ['Dockerfile', 'hack/gateway-image', 'package.json', 'package-lock.json', 'CHANGELOG.md', 'LICENSE']

/**
 * Fills a folder with all that the gateway's image is built of, `dist` and `node_modules` among it, so that building it
 * needs no registry but for BASE_IMAGE. The current folder is the checkout.
 */
export async function fillContext(folder: string): Promise<void> {
  const { code, output } = await run(process.execPath, ['hack/build.ts'])
  if (code !== 0) throw new Error(`the program could not be built:\n${output}`)
  for (const path of ['dist', ...FILES]) cpSync(path, join(folder, path), { recursive: true })
  for (const path of productionPackages()) {
    cpSync(path, join(folder, path), { recursive: true, dereference: true })
  }
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('name an empty folder: node hack/gateway-image/context.ts FOLDER')
  await fillContext(folder)
}
