import type { Command } from 'commander'
import { type ConnectOptions, connect } from './client/connect.ts'
import { type Standing, waitForFunctions } from './client/follow-functions.ts'
import { type FunctionName, parseFunctionName } from './client/function-name.ts'
import { addGatewayOptions, NAMESPACE_OPTION, timeoutOption } from './client/options.ts'
import { Progress } from './client/progress.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT } from './exit-code.ts'
import { type Awaited, describeStanding, parseFor } from './wait-condition.ts'

interface WaitOptions extends ConnectOptions {
  readonly for: string
  readonly timeout: number
}

const HELP = `
A condition counts only when it speaks of the generation that is wanted now. What only a person can mend, such as an image that is not
there, ends it early with code 1.
Examples:
  docker-faas wait hello --for=condition=Ready --timeout 2m
  docker-faas wait hello --for=delete
  docker-faas wait hello --for=jsonpath='{.status.readyReplicas}=3'`

/** `docker-faas wait`. */
export function addWait(program: Command, environment: Environment): void {
  const command = program
    .command('wait')
    .description('wait until functions are as asked for; code 6 when they are not in time, 3 when one is not there')
    .argument('<functions...>', 'NAME or NAME.NAMESPACE')
    .requiredOption('--for <what>', "condition=Ready[=True], delete, or jsonpath='{.path}=VALUE'")
    .addOption(timeoutOption(30_000))
    .option(...NAMESPACE_OPTION)
    .addHelpText('after', HELP)
  addGatewayOptions(command).action((names: string[], options: WaitOptions) => wait(environment, names, options))
}

async function wait(environment: Environment, texts: readonly string[], options: WaitOptions): Promise<void> {
  const awaited = parseFor(options.for)
  const client = await connect(environment, options)
  const names = texts.map(text => parseFunctionName(text, { given: options.namespace, fallback: client.namespace }))
  using progress = new Progress(environment)
  const unmet = (standings: readonly Standing[]) =>
    names
      .map((name, index) => ({ name, standing: standings[index] }))
      .filter(({ standing }) => !awaited.isMet(standing))
  await waitForFunctions(environment, client, {
    names,
    timeoutMs: options.timeout,
    done: standings => {
      const left = unmet(standings)
      requireThere(awaited, left)
      const [first] = left
      if (first === undefined) return true
      const more = left.length === 1 ? '' : `, and ${left.length - 1} more`
      progress.show(`${describeStanding(first.name.name, first.standing)}${more}`)
      return undefined
    },
    late: standings => `not ${awaited.text} within ${options.timeout / 1000} s:${linesOf(unmet(standings))}`,
    stuck: standings => {
      const left = unmet(standings)
      if (left.length === 0 || !left.every(({ standing }) => awaited.isHopeless(standing))) return undefined
      return `not ${awaited.text}, and waiting does not help:${linesOf(left)}`
    }
  })
  progress.clear()
  for (const { name } of names) environment.stdout.write(`function/${name} met ${awaited.text}\n`)
}

interface Unmet {
  readonly name: FunctionName
  readonly standing: Standing
}

function linesOf(left: readonly Unmet[]): string {
  return left.map(({ name, standing }) => `\n  ${describeStanding(name.name, standing)}`).join('')
}

/** One that is not there never meets a condition, and is not made by waiting. */
function requireThere({ needsFunction }: Awaited, left: readonly Unmet[]): void {
  const missing = left.find(({ standing }) => standing === undefined)
  if (!needsFunction || missing === undefined) return
  const { name, namespace } = missing.name
  throw new CliError(`function ${name} is not there in namespace ${namespace}`, EXIT.notFound)
}
