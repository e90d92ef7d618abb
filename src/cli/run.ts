import { Command } from 'commander'
import { readVersion } from './version.ts'

/** The program before it has commands. */
export function createCommand(): Command {
  return new Command('docker-faas')
    .description('OpenFaaS functions on plain Docker, kept as written down by a reconcile loop')
    .version(readVersion().version)
    .addHelpText('after', '\nConfiguration is read from the environment: see docs/configuration.md.')
    .showHelpAfterError()
}

/** Runs the command that `argv` names; what a command throws is told in one line, and is the exit code. */
export async function runCommand(program: Command, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv)
  } catch (err) {
    process.stderr.write(`docker-faas: ${messageOf(err)}\n`)
    const { exitCode } = err as { exitCode?: unknown }
    process.exitCode = typeof exitCode === 'number' ? exitCode : 1
  }
}

/** The message and those of its causes that it does not hold already, without stacks: this is for people. */
function messageOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  const cause = err.cause instanceof Error ? messageOf(err.cause) : ''
  return err.message.includes(cause) ? err.message : `${err.message}: ${cause}`
}
