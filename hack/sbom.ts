/** Writes what is shipped as CycloneDX to dist/sbom.cdx.json, or to the file named. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { run } from './command.ts'
import { readLock, readManifest } from './supply-chain.ts'
import { licenceOf, nameOf, shippedPaths } from './supply-chain-rules.ts'

interface Component {
  'bom-ref': string
  name: string
  version: string
  licenses?: { license: { id: string } }[]
}

interface Bom {
  metadata: { component: Component }
  components: Component[]
  dependencies: { ref: string; dependsOn: string[] }[]
}

const [file = 'dist/sbom.cdx.json'] = process.argv.slice(2)
const { code, output } = await run('npm', [
  ...['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only', '--loglevel=error'],
  '--include=dev' // whatever NODE_ENV says; see below
])
if (code !== 0) throw new Error(`npm sbom ended with code ${code}: ${output}`)

const bom = JSON.parse(output) as Bom
// NOTE: npm takes the name of the folder for that of the program.
bom.metadata.component.name = (JSON.parse(readFileSync('package.json', 'utf8')) as { name: string }).name
const packages = readLock()
const paths = new Map(shippedPaths(packages).map(path => [`${nameOf(path)}@${packages[path]?.version}`, path]))
// NOTE: npm's own `--omit=dev` leaves out what is shipped when a tool needs it as well.
bom.components = bom.components.filter(({ name, version }) => paths.has(`${name}@${version}`))
const refs = new Set([...bom.components, bom.metadata.component].map(component => component['bom-ref']))
bom.dependencies = bom.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(other => refs.has(other)) }))
for (const component of bom.components) {
  if (component.licenses !== undefined) continue
  const path = paths.get(`${component.name}@${component.version}`) ?? ''
  const licence = licenceOf(packages[path] ?? {}, readManifest(path))
  if (licence !== undefined) component.licenses = [{ license: { id: licence } }]
}
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`)
console.log(`${file}: ${bom.components.length} components`)
