import type { Command } from 'commander'
import { type ConnectOptions, connect } from './client/connect.ts'
import type { GatewayClient } from './client/gateway-client.ts'
import { addGatewayOptions, NAMESPACE_OPTION, timeoutOption } from './client/options.ts'
import { formatOf, OUTPUT_OPTION, type OutputOptions, printList } from './client/output.ts'
import { terminalSafe, terminalSafeLines } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT, type ExitCode, usageError } from './exit-code.ts'
import type { Loaded, LoadOptions } from './manifest/load.ts'
import type { Manifest } from './manifest/manifest.ts'
import { addManifestOptions } from './manifest/options.ts'
import type { ManifestClient, Outcome, Sent } from './manifest/send.ts'

interface ApplyOptions extends ConnectOptions, LoadOptions, OutputOptions {
  readonly dryRun?: string | true
  readonly wait: boolean
  /** Milliseconds. */
  readonly timeout: number
}

type Result = { readonly manifest: Manifest } & (Sent | { readonly failure: CliError })

const SIDE_BY_SIDE = 8

/** `docker-faas apply`. */
export function addApply(program: Command, environment: Environment): void {
  const apply = program
    .command('apply')
    .description('bring functions and namespaces to what files say: OpenFaaS stack files, or what "get -o yaml" prints')
  addManifestOptions(apply, true)
    .option(...NAMESPACE_OPTION)
    .option(
      '--dry-run [where]',
      'write nothing: client only reads the files, server (when left out) has the gateway try'
    )
    .option('--wait', 'until the functions serve what was written', false)
    .addOption(timeoutOption(300_000))
    .option(...OUTPUT_OPTION)
    .addHelpText('after', '\nSee docs/cli.md for what a file may say.')
  addGatewayOptions(apply).action((options: ApplyOptions) => applyFiles(environment, options))
}

async function applyFiles(environment: Environment, options: ApplyOptions): Promise<void> {
  formatOf(options)
  const { loadManifests, gatewayHint } = await import('./manifest/load.ts')
  const where = dryRunOf(options)
  const loaded = await loadManifests(environment, options)
  if (where === 'client') return await printWanted(environment, loaded, options)
  const client = await connect(environment, options, () => gatewayHint(loaded))
  const { ManifestClient: Manifests } = await import('./manifest/send.ts')
  const manifests = new Manifests(client, { given: options.namespace })
  const results = await sendAll(loaded.manifests, manifest =>
    where === 'server' ? manifests.tryOut(manifest) : manifests.apply(manifest)
  )
  await report(environment, manifests, results, { ...options, ...(where && { where }) })
  if (options.wait && where === undefined) await waitFor(environment, client, results, options.timeout)
}

function dryRunOf({ dryRun }: ApplyOptions): 'client' | 'server' | undefined {
  if (dryRun === undefined) return undefined
  if (dryRun === true || dryRun === 'server') return 'server'
  if (dryRun === 'client') return 'client'
  throw usageError(`--dry-run must be client or server, not ${JSON.stringify(dryRun)}`)
}

/** Sends them kind by kind, as functions need namespaces to be there. What one is refused does not keep the others. */
async function sendAll(manifests: readonly Manifest[], send: (manifest: Manifest) => Promise<Sent>): Promise<Result[]> {
  const { mapPool } = await import('./manifest/pool.ts')
  const results: Result[] = []
  for (const kind of new Set(manifests.map(manifest => manifest.kind))) {
    const ofKind = manifests.filter(manifest => manifest.kind === kind)
    const sent = await mapPool(ofKind, SIDE_BY_SIDE, async (manifest): Promise<Result> => {
      try {
        return { manifest, ...(await send(manifest)) }
      } catch (err) {
        if (err instanceof CliError) return { manifest, failure: err }
        throw err
      }
    })
    results.push(...sent)
    // Nobody is there, or nobody listens to us: the rest would end the same way.
    const hopeless = sent.every(result => 'failure' in result && isHopeless(result.failure.exitCode))
    if (hopeless && sent[0] !== undefined && 'failure' in sent[0]) throw sent[0].failure
  }
  return results
}

function isHopeless(code: ExitCode): boolean {
  return code === EXIT.unreachable || code === EXIT.denied
}

async function report(
  environment: Environment,
  manifests: ManifestClient,
  results: readonly Result[],
  options: OutputOptions & { readonly where?: string }
): Promise<void> {
  const { stdout, stderr } = environment
  const dry = options.where === undefined ? '' : ` (${options.where} dry run)`
  const sent = results.filter(result => 'object' in result)
  const failed = results.filter(result => 'failure' in result)
  if (formatOf(options) === 'table' || formatOf(options) === 'wide') {
    for (const { manifest, outcome } of sent) {
      stdout.write(`${terminalSafe(manifests.nameOf(manifest))} ${outcome}${dry}\n`)
    }
  } else {
    const names = new Map(sent.map(({ object, manifest }) => [object, manifests.nameOf(manifest)]))
    const view = { columns: [], name: (object: Sent['object']) => names.get(object) ?? '', none: '' }
    await printList(environment, [...names.keys()], view, options)
  }
  for (const { manifest, failure } of failed) {
    stderr.write(`${terminalSafe(manifests.nameOf(manifest))}: ${terminalSafeLines(failure.message)}\n`)
  }
  const outcomes = sent.map(({ outcome }) => outcome)
  stderr.write(`${summaryOf(outcomes, failed.length)}${dry}\n`)
  if (failed.length > 0) throw failureOf(failed.map(({ failure }) => failure.exitCode))
}

/** `2 created, 1 unchanged`; for the second time: `nothing to do: 3 unchanged`. */
function summaryOf(outcomes: readonly Outcome[], failed: number): string {
  const counts = (['created', 'configured', 'unchanged'] as const).map(
    outcome => [outcome, outcomes.filter(other => other === outcome).length] as const
  )
  const parts = [...counts, ['failed', failed] as const].filter(([, count]) => count > 0)
  const text = parts.map(([what, count]) => `${count} ${what}`).join(', ')
  return parts.length === 1 && parts[0]?.[0] === 'unchanged' ? `nothing to do: ${text}` : text
}

function failureOf(codes: readonly ExitCode[]): CliError {
  const [code = EXIT.failed] = codes
  const message = `${codes.length} ${codes.length === 1 ? 'object was' : 'objects were'} refused`
  return new CliError(message, codes.every(other => other === code) ? code : EXIT.failed)
}

async function waitFor(
  environment: Environment,
  client: GatewayClient,
  results: readonly Result[],
  timeoutMs: number
): Promise<void> {
  const { waitReady } = await import('./resource/ready.ts')
  const functions = results.flatMap(result => {
    if (!('object' in result) || result.manifest.kind !== 'Function') return []
    const { name, namespace = client.namespace, generation = 0 } = result.object.metadata
    return [{ name, namespace, generation }]
  })
  await waitReady(environment, client, functions, timeoutMs)
  environment.stderr.write(`${functions.length} ready\n`)
}

/** What would be sent, of which no gateway was asked. */
async function printWanted(environment: Environment, { manifests }: Loaded, options: ApplyOptions): Promise<void> {
  const { nameOf, toBody } = await import('./manifest/send.ts')
  const { namespaceOf } = await import('./manifest/load.ts')
  const names = new Map<object, string>(
    manifests.map(manifest => {
      const namespace = namespaceOf(manifest, options.namespace, 'openfaas-fn')
      return [toBody(manifest, namespace), nameOf(manifest, namespace)] as const
    })
  )
  const format = formatOf(options)
  if (format === 'table' || format === 'wide') {
    for (const name of names.values()) environment.stdout.write(`${terminalSafe(name)} read (client dry run)\n`)
  } else {
    const view = {
      columns: [],
      name: (body: object) => names.get(body) ?? '',
      none: ''
    }
    await printList(environment, [...names.keys()], view, options)
  }
}
