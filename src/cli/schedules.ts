import type { Command } from 'commander'
import type { ScheduleView } from '../../api/schedule-view.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { queryOf } from './client/gateway-client.ts'
import { addGatewayOptions } from './client/options.ts'
import type { Environment } from './environment.ts'

interface SchedulesOptions extends ConnectOptions {
  readonly json: boolean
}

/** `docker-faas schedules`. */
export function addSchedules(program: Command, environment: Environment): void {
  const schedules = program
    .command('schedules')
    .description('print when functions are called by the clock: the last run, the next, and how many there were')
    .option('-n, --namespace <namespace>', 'of this namespace only')
    .option('--json', 'print JSON', false)
    .addHelpText('after', '\nSee docs/schedules.md.')
  addGatewayOptions(schedules).action((options: SchedulesOptions) => printSchedules(environment, options))
}

/** Prints the schedules of functions, with their last and their next run. */
async function printSchedules(environment: Environment, options: SchedulesOptions): Promise<void> {
  const { stdout } = environment
  const gateway = await connect(environment, options)
  const query = queryOf({ namespace: options.namespace })
  const { items } = await gateway.call<{ items: ScheduleView[] }>('GET', `/v1/schedules${query}`)
  if (options.json) stdout.write(`${JSON.stringify(items, null, 2)}\n`)
  else stdout.write(items.length === 0 ? 'no function has a schedule\n' : `${items.map(describe).join('\n')}\n`)
}

function describe(view: ScheduleView): string {
  const { namespace, function: name, schedule, timezone, runs, skipped, missed } = view
  const counts = `${runs} run, ${skipped} skipped, ${missed} missed`
  return `${namespace}/${name} "${schedule}" ${timezone}: ${stateOf(view)}; ${lastOf(view)}; ${counts}`
}

function stateOf({ fault, suspended, next }: ScheduleView): string {
  if (fault !== undefined) return `not run: ${fault}`
  if (suspended) return 'suspended'
  return next === undefined ? 'no next run' : `next ${next}`
}

function lastOf({ last }: ScheduleView): string {
  if (last === undefined) return 'never run'
  const outcome = [last.phase ?? 'forgotten', last.status ?? ''].filter(text => text !== '').join(' ')
  return `last ${last.tick} (${outcome})`
}
