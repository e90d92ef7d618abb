import type { Command } from 'commander'
import type { FaasEvent } from '../../api/event.ts'
import type { FunctionObject, Revision } from '../../api/function.ts'
import type { FunctionStatusWire } from '../../api/openfaas.ts'
import { formatAge } from './client/age.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { functionPath, parseFunctionName } from './client/function-name.ts'
import { queryOf } from './client/gateway-client.ts'
import { addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { type Column, formatTable } from './client/table.ts'
import { createPaint, terminalSafe } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { remediesOf } from './remedies.ts'

interface Described {
  readonly object: FunctionObject
  readonly wire: FunctionStatusWire | undefined
  readonly revisions: readonly Revision[]
  readonly events: readonly FaasEvent[]
}

const MAX_EVENTS = 20

/** `docker-faas describe`. */
export function addDescribe(program: Command, environment: Environment): void {
  const describe = program
    .command('describe')
    .description('print all that is known of a function: spec, conditions, replicas, usage, revisions, events')
    .argument('<name...>', 'its name, or function/name; the word function may stand before it')
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(describe).action((names: string[], options: ConnectOptions) =>
    describeFunctions(environment, names, options)
  )
}

async function describeFunctions(
  environment: Environment,
  given: readonly string[],
  options: ConnectOptions
): Promise<void> {
  const names = given.length > 1 && /^(functions?|fn)$/.test(given[0] ?? '') ? given.slice(1) : given
  const client = await connect(environment, options)
  const paint = createPaint(environment.env, environment.stdout)
  for (const [index, text] of names.entries()) {
    const fn = parseFunctionName(text, { given: options.namespace, fallback: client.namespace })
    const { namespace } = fn
    const system = `/system/function/${encodeURIComponent(fn.name)}${queryOf({ namespace, usage: 1 })}`
    const [object, wire, revisions, events] = await Promise.all([
      client.call<FunctionObject>('GET', functionPath(fn)),
      client.find<FunctionStatusWire>(system),
      client.call<{ items: readonly Revision[] }>('GET', functionPath(fn, '/revisions')),
      client.call<{ items: readonly FaasEvent[] }>('GET', functionPath(fn, '/events', { limit: MAX_EVENTS }))
    ])
    const described = { object, wire, revisions: revisions.items, events: events.items }
    if (index > 0) environment.stdout.write('\n')
    environment.stdout.write(await describeFunction(described, paint, Date.now()))
  }
}

async function describeFunction(
  { object, wire, revisions, events }: Described,
  paint: ReturnType<typeof createPaint>,
  now: number
): Promise<string> {
  const { status } = object
  const table = async <T>(title: string, items: readonly T[], columns: readonly Column<T>[]) => {
    if (items.length === 0) return ''
    const text = await formatTable(items, columns, { headers: true, wide: false, paint })
    return `${title}:\n${text.replaceAll(/^(?=.)/gm, '  ')}`
  }
  return [
    factsOf(object, wire, now).map(lineOf).join(''),
    await table('Conditions', status.conditions, [
      { header: 'TYPE', value: ({ type }) => type },
      { header: 'STATUS', value: condition => condition.status },
      { header: 'REASON', value: ({ reason }) => reason },
      { header: 'SINCE', value: ({ lastTransitionTime }) => formatAge(lastTransitionTime, now) },
      { header: 'MESSAGE', value: ({ message }) => message, lines: true }
    ]),
    remediesOf(status.conditions)
      .map(text => lineOf(['What helps', text]))
      .join(''),
    await table(
      'Restarts',
      [...status.restarts, ...status.outdatedRestarts],
      [
        { header: 'REPLICA', value: ({ ordinal }) => ordinal },
        { header: 'EXITED', value: ({ exitedAt }) => formatAge(exitedAt, now) },
        { header: 'LAST OUTPUT', value: ({ lastOutput }) => lastOutput.trim(), lines: true }
      ]
    ),
    await table('Debug ports', status.debugPorts, [
      { header: 'REPLICA', value: ({ ordinal }) => ordinal },
      { header: 'PORT', value: ({ containerPort }) => containerPort },
      { header: 'AT', value: ({ address, hostPort }) => `${address}:${hostPort}` }
    ]),
    await table('Revisions', revisions, [
      { header: 'REVISION', value: ({ revision }) => revision },
      { header: 'AGE', value: ({ createdAt }) => formatAge(createdAt, now) },
      { header: 'IMAGE', value: ({ spec }) => spec.image }
    ]),
    await table('Events', events, [
      { header: 'AGE', value: ({ lastAt }) => formatAge(lastAt, now) },
      { header: 'TYPE', value: ({ type }) => type, style: ({ type }) => (type === 'Warning' ? 'yellow' : undefined) },
      { header: 'REASON', value: ({ reason }) => reason },
      { header: 'COUNT', value: ({ count }) => count },
      { header: 'MESSAGE', value: ({ message }) => message, lines: true }
    ])
  ].join('')
}

type Fact = readonly [name: string, value: string]

function lineOf([name, value]: Fact): string {
  return `${`${name}:`.padEnd(14)}${value}\n`
}

function factsOf(object: FunctionObject, wire: FunctionStatusWire | undefined, now: number): Fact[] {
  const { metadata, spec, status, scale } = object
  const facts: [name: string, value: string | undefined][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', mapOf(metadata.labels)],
    ['Annotations', mapOf(metadata.annotations)],
    ['Created', `${metadata.createdAt} (${formatAge(metadata.createdAt, now)} ago)`],
    ['Deleting', metadata.deletionRequestedAt && `since ${metadata.deletionRequestedAt}`],
    ['Generation', `${metadata.generation} (observed: ${status.observedGeneration})`],
    ['Image', spec.image],
    ['Image ID', status.image?.digest ?? status.image?.id],
    ['Replicas', replicasOf(object)],
    ['Idle since', scale?.frozenSince],
    ['Process', spec.envProcess],
    ['Environment', mapOf(spec.env)],
    ['Secrets', spec.secrets.join('\n')],
    ['Limits', mapOf(spec.limits)],
    ['Requests', mapOf(spec.requests)],
    ['Read-only', spec.readOnlyRootFilesystem ? 'root file system' : undefined],
    ['Debug', spec.debug ? 'on' : undefined],
    ['Constraints', spec.constraints.join('\n')],
    ['Ready probe', spec.probes.ready?.path],
    ['Restarted at', spec.restartedAt],
    ['Invocations', wire === undefined ? undefined : String(wire.invocationCount)],
    ['Usage', usageOf(wire)]
  ]
  return facts.filter((fact): fact is [string, string] => Boolean(fact[1])).map(([name, value]) => [name, block(value)])
}

function replicasOf({ spec, status, scale }: FunctionObject): string {
  const { replicas, readyReplicas, frozenReplicas, outdatedReplicas } = status
  const pinned = scale?.pinned === true ? '; set by a person' : ''
  const counts = `${readyReplicas} ready, ${frozenReplicas} frozen, ${outdatedReplicas} outdated`
  return `${spec.replicas} wanted, ${replicas} there: ${counts}${pinned}`
}

/** NOTE: the wire leaves out what is 0. */
function usageOf(wire: FunctionStatusWire | undefined): string | undefined {
  if (wire?.usage === undefined) return undefined
  const { cpu = 0, totalMemoryBytes = 0 } = wire.usage
  return `${Math.round(cpu)}m CPU, ${(totalMemoryBytes / 1024 / 1024).toFixed(1)} MiB`
}

function mapOf(texts: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(texts)
    .map(([key, value]) => `${key}=${terminalSafe(value ?? '')}`)
    .join('\n')
}

/** Lines below the first stand below its text, and nothing in them commands a terminal. */
function block(value: string): string {
  return value
    .split('\n')
    .map(terminalSafe)
    .join(`\n${' '.repeat(14)}`)
}
