import type { Command } from 'commander'
import type { Environment } from './environment.ts'
import { createCommand, runCommand } from './run.ts'
import type { SocketProxyCommandOptions } from './socket-proxy.ts'

/**
 * The commands that run often, or for long, and so load no more than they use, not even what the others are called: a health
 * check twice a minute would cost more CPU than an idle gateway, otherwise.
 */
export const SMALL_COMMANDS: ReadonlySet<string> = new Set(['serve', 'health', 'socket-proxy'])

/** Runs one of them. */
export async function runSmallProgram(argv: readonly string[], environment: Environment): Promise<number> {
  const program = createCommand(environment)
  addServe(program, environment)
  addSmallCommands(program, environment)
  return await runCommand(program, argv, environment)
}

export function addServe(program: Command, environment: Environment): void {
  program
    .command('serve')
    .description('run the gateway: API, data plane and reconcile loop, until SIGINT or SIGTERM')
    .action(async () => (await import('./serve.ts')).serve(environment))
}

export function addSmallCommands(program: Command, environment: Environment): void {
  program
    .command('health')
    .description('ask the gateway of this machine or container whether it is well; code 1 when it is not')
    .action(async () => (await import('./health.ts')).checkHealth(environment))
  program
    .command('socket-proxy')
    .description('stand before the engine (DOCKER_HOST) and let only those calls through that the gateway makes')
    .option('--listen <address>', 'where: unix:///path or tcp://host:port', 'unix:///run/docker-faas/engine.sock')
    .option('--check', 'ask the one that listens there whether the engine answers; code 1 when it does not', false)
    .addHelpText('after', '\nOnly objects of INSTANCE_ID may be changed. See docs/container.md.')
    .action(async (options: SocketProxyCommandOptions) => {
      const { checkSocketProxy, runSocketProxy } = await import('./socket-proxy.ts')
      await (options.check ? checkSocketProxy(environment, options) : runSocketProxy(environment, options))
    })
}
