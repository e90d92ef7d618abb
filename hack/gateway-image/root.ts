/**
 * Puts together the root of the gateway's image: `node hack/gateway-image/root.ts /out`. It runs while the image is built, on
 * an image that has Node and nothing else that it may count on: no shell, no npm where the context brings `dist` and
 * `node_modules`. What it leaves out of the image cannot be used against it: there is no shell and no package manager.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { productionPackages } from './production-packages.ts'

const APP = '/app'
/** The user that the gateway runs as; as in other images without a shell, "nonroot". */
const USER_ID = 65532
const COMMAND = `#!/bin/node
import '${APP}/dist/src/main.js'
`

const [out = ''] = process.argv.slice(2)
if (out === '') throw new Error('name the folder that becomes the root: node hack/gateway-image/root.ts /out')

if (!existsSync('node_modules')) npm('ci', '--ignore-scripts', '--no-audit', '--no-fund')
if (!existsSync('dist')) npm('run', 'build')

const app = join(out, APP)
for (const name of ['dist', ...productionPackages()]) {
  cpSync(name, join(app, name), { recursive: true, filter: source => !isPackageInside(name, source) })
}
for (const name of ['package.json', 'CHANGELOG.md', 'LICENSE']) copyFileSync(name, join(app, name))

place('/bin/node', process.execPath)
for (const library of sharedLibraries()) place(library, library)
writeAt('/bin/docker-faas', COMMAND, 0o755)
writeAt('/etc/passwd', `root:x:0:0::/:/none\ndocker-faas:x:${USER_ID}:${USER_ID}::/data:/none\n`, 0o644)
writeAt('/etc/group', `root:x:0:\ndocker-faas:x:${USER_ID}:\n`, 0o644)
mkdirSync(join(out, 'tmp'))
chmodSync(join(out, 'tmp'), 0o1777)

function npm(...args: readonly string[]): void {
  execFileSync('npm', args, { stdio: 'inherit' })
}

/** Packages below a package are packages of their own, with an entry of their own in the lock file. */
function isPackageInside(name: string, source: string): boolean {
  return name !== 'dist' && source.slice(name.length).includes('/node_modules')
}

/** What Node and the native packages of ours are linked with, the loader among it. */
function sharedLibraries(): string[] {
  createRequire(join(app, 'package.json'))('@node-rs/argon2')
  const report = process.report.getReport() as unknown as { readonly sharedObjects: readonly string[] }
  return report.sharedObjects.filter(path => path.startsWith('/') && !path.endsWith('.node') && existsSync(path))
}

function place(path: string, source: string): void {
  const target = join(out, path)
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(realpathSync(source), target)
  chmodSync(target, 0o755)
}

function writeAt(path: string, text: string, mode: number): void {
  const target = join(out, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text, { mode })
}
