import type { Command } from 'commander'
import { type ConnectOptions, connect } from './client/connect.ts'
import { addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { toYaml } from './client/output.ts'
import { createPaint, type Style, terminalSafe } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT } from './exit-code.ts'
import type { ApiObject } from './manifest/api-object.ts'
import type { LoadOptions } from './manifest/load.ts'
import { addManifestOptions } from './manifest/options.ts'

interface DiffOptions extends ConnectOptions, LoadOptions {}

/** `docker-faas diff`. */
export function addDiff(program: Command, environment: Environment): void {
  const diff = program.command('diff').description('print what apply would change; ends with 1 when that is anything')
  addManifestOptions(diff, true).option(...NAMESPACE_OPTION)
  addGatewayOptions(diff).action(async (options: DiffOptions) => {
    const differs = await diffFiles(environment, options).catch(toFailure)
    // Told already, as the difference itself.
    if (differs) throw new CliError('', EXIT.failed)
  })
}

/** 1 says that there is a difference: what fails must not say that. */
function toFailure(err: unknown): never {
  if (err instanceof CliError && err.exitCode !== EXIT.failed) throw err
  throw new CliError(err instanceof Error ? err.message : String(err), EXIT.usage, { cause: err })
}

async function diffFiles(environment: Environment, options: DiffOptions): Promise<boolean> {
  const { env, stdout } = environment
  const { loadManifests, gatewayHint } = await import('./manifest/load.ts')
  const loaded = await loadManifests(environment, options)
  const client = await connect(environment, options, () => gatewayHint(loaded))
  const { ManifestClient } = await import('./manifest/send.ts')
  const { mapKinds } = await import('./manifest/pool.ts')
  const { unifiedDiff } = await import('./resource/text-diff.ts')
  const manifests = new ManifestClient(client, { given: options.namespace })
  const paint = createPaint(env, stdout)
  const tried = await mapKinds(loaded.manifests, 8, async manifest => {
    try {
      return { manifest, ...(await manifests.tryOut(manifest)) }
    } catch (err) {
      return { manifest, failure: err }
    }
  })
  let differs = false
  for (const result of tried) {
    if ('failure' in result) throw result.failure
    const name = manifests.nameOf(result.manifest)
    const [before, after] = [await wantedText(result.before), await wantedText(result.object)]
    const lines = unifiedDiff(before, after, [`written/${name}`, `wanted/${name}`])
    differs ||= lines.length > 0
    for (const line of lines) stdout.write(`${paint(styleOf(line), terminalSafe(line))}\n`)
  }
  return differs
}

async function wantedText(object: ApiObject | undefined): Promise<string> {
  if (object === undefined) return ''
  const { wantedOf } = await import('./manifest/wanted.ts')
  return await toYaml(wantedOf(object))
}

function styleOf(line: string): Style | undefined {
  if (line.startsWith('---') || line.startsWith('+++')) return 'bold'
  if (line.startsWith('@@')) return 'cyan'
  return line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : undefined
}
