import { Command, CommanderError, Help, type Option } from 'commander'
import { isColoured, terminalSafeLines } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { EXIT, EXIT_CODES_HELP } from './exit-code.ts'
import { readVersion } from './version.ts'

const DEFAULT_COLUMNS = 100

/** The program before it has commands. What it makes is made for the environment: commands inherit that. */
export function createCommand({ env, stdout, stderr }: Environment): Command {
  return new Command('docker-faas')
    .description('OpenFaaS functions on plain Docker, kept as written down by a reconcile loop')
    .version(readVersion().version)
    .addHelpText('after', `\nSee docs/cli.md, and docs/configuration.md for the gateway.\n${EXIT_CODES_HELP}`)
    .showHelpAfterError('Add --help to see what there is.')
    .exitOverride()
    .configureHelp({ optionDescription })
    .configureOutput({
      writeOut: text => void stdout.write(text),
      writeErr: text => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? DEFAULT_COLUMNS,
      getErrHelpWidth: () => stderr.columns ?? DEFAULT_COLUMNS,
      getOutHasColors: () => isColoured(env, stdout),
      getErrHasColors: () => isColoured(env, stderr)
    })
}

/** What it says of an option: that one is off, or given no times, when it is left out goes without saying. */
function optionDescription(this: Help, option: Option): string {
  const { defaultValue: value } = option
  const isTold = value !== false && !(Array.isArray(value) && value.length === 0)
  return Help.prototype.optionDescription.call(this, isTold ? option : Object.create(option, { defaultValue: {} }))
}

/** Runs the command that `argv` names, and returns the exit code; what a command throws is told on the standard error. */
export async function runCommand(
  program: Command,
  argv: readonly string[],
  { stderr }: Pick<Environment, 'stderr'>
): Promise<number> {
  try {
    await program.parseAsync(argv)
    return EXIT.done
  } catch (err) {
    // Told already.
    if (err instanceof CommanderError) {
      const hint = hintOf(err, argv[2] ?? '')
      if (hint !== undefined) stderr.write(`${hint}\n`)
      return err.exitCode === 0 ? EXIT.done : EXIT.usage
    }
    const message = messageOf(err)
    // It may quote a file or a gateway.
    if (message !== '') stderr.write(`docker-faas: ${terminalSafeLines(message)}\n`)
    const { exitCode } = err as { exitCode?: unknown }
    return typeof exitCode === 'number' ? exitCode : EXIT.failed
  }
}

/** What commands of `faas-cli` that are none here are called here. */
const OF_FAAS_CLI: ReadonlyMap<string, string> = new Map([
  ['deploy', 'apply -f stack.yml'],
  ['up', 'apply -f stack.yml --wait'],
  ['list', 'get functions'],
  ['remove', 'delete function NAME'],
  ['ready', 'wait NAME --for=condition=Ready']
])

/** What helps beside the words of commander; `first` is the first word of the command line. */
function hintOf({ code }: CommanderError, first: string): string | undefined {
  if (code === 'commander.unknownOption' && first.startsWith('-')) {
    return 'Options stand behind the command: docker-faas get functions --context prod.'
  }
  const ours = code === 'commander.unknownCommand' ? OF_FAAS_CLI.get(first) : undefined
  return ours && `What faas-cli calls ${first} is here: docker-faas ${ours}`
}

/** The message and those of its causes that it does not hold already, without stacks: this is for people. */
function messageOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  const cause = err.cause instanceof Error ? messageOf(err.cause) : ''
  return err.message.includes(cause) ? err.message : `${err.message}: ${cause}`
}
