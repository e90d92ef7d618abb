import type { ScheduleView } from '../../api/schedule-view.ts'
import { loadConfig } from '../config/config.ts'
import type { Environment } from './environment.ts'
import { GatewayApi } from './gateway-api.ts'

export interface SchedulesOptions {
  readonly namespace?: string
  readonly json: boolean
  /** URL of the gateway; that of the configuration when left out. */
  readonly gateway?: string
}

/** Prints the schedules of functions, with their last and their next run. */
export async function printSchedules({ env, stdout }: Environment, options: SchedulesOptions): Promise<void> {
  const gateway = await GatewayApi.connect(loadConfig(env), env, options.gateway)
  const query = options.namespace === undefined ? '' : `?namespace=${encodeURIComponent(options.namespace)}`
  const { items } = (await gateway.call('GET', `/v1/schedules${query}`)) as { items: ScheduleView[] }
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
