/**
 * Holds the document of the API against that of the last release, and names each change that breaks a client. `--renew` writes the
 * document of this release in its place.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { apiRoutes } from '../src/http/app.ts'
import type { ApiDeps } from '../src/http/deps.ts'
import { toOpenapi } from '../src/http/openapi/document.ts'
import { breakingChanges, type Json } from './openapi-rules.ts'

const RELEASED = 'docs/openapi/released.json'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
// Routes are declared with what their handlers need, and none of these runs.
const routes = apiRoutes({ info: { version, commit: '' } } as unknown as ApiDeps)
const now = toOpenapi(routes, { version })

if (process.argv.includes('--renew')) {
  const isLeftOut = (key: string) => ['example', 'examples'].includes(key)
  writeFileSync(RELEASED, `${JSON.stringify(now, (key, value) => (isLeftOut(key) ? undefined : value), 1)}\n`)
} else {
  const changes = breakingChanges(JSON.parse(readFileSync(RELEASED, 'utf8')) as Json, now)
  for (const change of changes) console.log(change)
  if (changes.length > 0) process.exitCode = 1
}
