import type { Command } from 'commander'
import type { Environment } from './environment.ts'
import { addList } from './resource/nouns.ts'

const NOUN = { plural: 'schedules', singular: 'schedule', namespaced: true }

/** `docker-faas schedule`; it lists them when no verb is given, too. */
export function addSchedules(program: Command, environment: Environment): void {
  const schedule = program
    .command('schedule')
    .alias('schedules')
    .description('list when functions are called by the clock: the last run, the next, and how many there were')
    .addHelpText('after', '\nSee docs/schedules.md.')
  addList(schedule, environment, NOUN, { isDefault: true }).option(
    '--json',
    'print JSON, as -o json without the list around it',
    false
  )
}
