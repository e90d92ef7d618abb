import type { Command } from 'commander'
import { addAdopt } from './adopt.ts'
import { addApply } from './apply.ts'
import { addCompletion } from './completion/completion.ts'
import { addConfig } from './config.ts'
import { addDelete } from './delete.ts'
import { addDescribe } from './describe.ts'
import { addDiff } from './diff.ts'
import type { Environment } from './environment.ts'
import { addEvents } from './events.ts'
import { addGet } from './get.ts'
import { addInvocations } from './invocations.ts'
import { addInvoke } from './invoke.ts'
import { addLogin } from './login.ts'
import { addLogs } from './logs.ts'
import { addNamespace } from './namespace.ts'
import { addProfile } from './profile.ts'
import { addRollout } from './rollout.ts'
import { createCommand, runCommand } from './run.ts'
import { addScale } from './scale.ts'
import { addSchedules } from './schedules.ts'
import { addSecrets } from './secrets.ts'
import { addServerCommands } from './server-commands.ts'
import { addServe, addSmallCommands } from './small.ts'
import { addToken } from './token.ts'
import { addTop } from './top.ts'
import { addVersion } from './version.ts'
import { addWait } from './wait.ts'

type Add = (program: Command, environment: Environment) => void

/** The commands, as `--help` groups them. None loads more than its registration until it runs. */
const GROUPS: readonly (readonly [heading: string, commands: readonly Add[]])[] = [
  ['Functions:', [addApply, addDiff, addGet, addDescribe, addDelete, addScale, addRollout, addWait, addTop]],
  ['Calls:', [addInvoke, addLogs, addEvents, addInvocations, addSchedules]],
  ['Access:', [addLogin, addConfig, addToken, addSecrets, addNamespace, addProfile]],
  ['Gateway of this machine:', [addServe, addServerCommands, addAdopt, addSmallCommands]],
  ['Other:', [addCompletion, addVersion]]
]

/** The program with all of its commands. */
export function createProgram(environment: Environment): Command {
  const program = createCommand(environment)
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading)
    for (const add of commands) add(program, environment)
  }
  return program.helpCommand('help [command]', 'the same as --help')
}

/** Runs the command that `argv` names, and returns the exit code. */
export async function runProgram(argv: readonly string[], environment: Environment): Promise<number> {
  return await runCommand(createProgram(environment), argv, environment)
}
