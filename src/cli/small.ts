import type { Command } from 'commander'
import type { Environment } from './environment.ts'
import { checkHealth } from './health.ts'
import { createCommand, runCommand } from './run.ts'

/**
 * The commands that run often, or for long beside the gateway, and so load no more than they use: a health check twice
 * a minute would cost more CPU than an idle gateway, otherwise.
 */
export const SMALL_COMMANDS: ReadonlySet<string> = new Set(['health'])

/** Runs one of them. */
export async function runSmallProgram(argv: readonly string[], environment: Environment): Promise<void> {
  const program = createCommand()
  addSmallCommands(program, environment)
  await runCommand(program, argv)
}

export function addSmallCommands(program: Command, environment: Environment): void {
  program
    .command('health')
    .description('ask the gateway of this machine or container whether it is well; code 1 when it is not')
    .action(() => checkHealth(environment))
}
