import type { Command } from 'commander'
import type { AdoptionItem, AdoptionList, AdoptionOutcome } from '../http/deps.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { addGatewayOptions } from './client/options.ts'
import { toJson } from './client/output.ts'
import { terminalSafeLines } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'

interface AdoptOptions extends ConnectOptions {
  readonly confirm: boolean
  readonly delete: boolean
  readonly json: boolean
}

/** `docker-faas adopt`. */
export function addAdopt(program: Command, environment: Environment): void {
  const adoptCommand = program
    .command('adopt')
    .description('list what runs and the database of the running gateway does not know, and decide about it')
    .argument('[functions...]', 'decide for these only: name, or namespace/name')
    .option('--confirm', 'write those functions down again as they run; no container is restarted', false)
    .option('--delete', 'give up what the database does not know, and go back to it', false)
    .option('--json', 'print JSON', false)
    .addHelpText('after', '\nSee docs/operations.md: the database is gone, or old.')
  addGatewayOptions(adoptCommand).action((functions: string[], options: AdoptOptions) =>
    adopt(environment, functions, options)
  )
}

/** Lists what a gateway whose database is older than what runs would write down, or has it do so, or give it up. */
async function adopt(environment: Environment, functions: readonly string[], options: AdoptOptions): Promise<void> {
  if (options.confirm && options.delete) throw usageError('choose one of --confirm and --delete')
  const isDecision = options.confirm || options.delete
  if (functions.length > 0 && !isDecision) throw usageError('functions are named with --confirm or --delete only')
  const gateway = await connect(environment, options)
  const choice = { action: options.delete ? 'delete' : 'adopt', ...(functions.length > 0 ? { functions } : {}) }
  const answer = isDecision ? await gateway.call('POST', '/v1/adopt', choice) : await gateway.call('GET', '/v1/adopt')
  const { stdout } = environment
  if (options.json) stdout.write(toJson(answer))
  else if (isDecision) stdout.write(`${terminalSafeLines(describeOutcome(answer as AdoptionOutcome))}\n`)
  else stdout.write(`${terminalSafeLines(describeList(answer as AdoptionList))}\n`)
}

function describeList(list: AdoptionList): string {
  const lines = [
    ...list.adopt.map(item => `adopt ${describeItem(item)}`),
    ...list.conflicts.map(item => `conflict ${describeItem(item)}: ${item.reason}`),
    ...list.delete.map(({ kind, name, reason }) => `delete ${kind} ${name}: ${reason}`),
    ...(list.forged > 0 ? [`${list.forged} objects are not signed with the instance key: see docs/operations.md`] : [])
  ]
  if (!list.active && list.delete.length === 0) return [...lines, 'nothing waits for a decision'].join('\n')
  const since = list.since === undefined ? '' : `the database is older than what runs (found ${list.since})\n`
  const ends =
    'nothing was changed: "docker-faas adopt --confirm" does this, "docker-faas adopt --delete" gives all of it up'
  return `${since}${[...lines, ends].join('\n')}`
}

function describeItem({ function: key, generation, replicas, image, database }: AdoptionItem): string {
  const known = database === undefined ? 'not in the database' : `generation ${database} in the database`
  return `${key}: generation ${generation}, ${replicas} of ${image}; ${known}`
}

function describeOutcome({ active, adopted, deleted }: AdoptionOutcome): string {
  const lines = [...adopted.map(key => `adopted ${key}`), ...deleted.map(what => `gave up ${what}`)]
  return [...lines, active ? 'something is left to decide: see "docker-faas adopt"' : 'nothing is left to decide'].join(
    '\n'
  )
}
