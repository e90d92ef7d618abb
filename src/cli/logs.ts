import type { IncomingMessage } from 'node:http'
import type { Command } from 'commander'
import type { LogMessage } from '../../api/log-line.ts'
import { Away, isAway } from './client/away.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { write } from './client/copy.ts'
import { type FunctionName, parseFunctionName } from './client/function-name.ts'
import { type GatewayClient, queryOf } from './client/gateway-client.ts'
import { readNdjson } from './client/ndjson.ts'
import { addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { GatewayError } from './client/problem.ts'
import { createPaint, type Style, terminalSafeJson, terminalSafeLines } from './client/terminal.ts'
import { toInstant } from './client/time.ts'
import { toCount } from './client/values.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'
import { LogReplay } from './log-replay.ts'

interface LogsOptions extends ConnectOptions {
  readonly follow: boolean
  readonly tail?: number
  /** RFC 3339. */
  readonly since?: string
  readonly instance?: string
  readonly timestamps: boolean
  readonly prefix: boolean
  readonly output: string
}

const STYLES: readonly Style[] = ['cyan', 'yellow', 'green', 'magenta', 'blue']

/** `docker-faas logs`. */
export function addLogs(program: Command, environment: Environment): void {
  const command = program
    .command('logs')
    .description('print what the replicas of a function write, merged by time')
    .argument('<function>', 'NAME or NAME.NAMESPACE')
    .option(
      '-f, --follow',
      'go on with what they write, over replacements of replicas and restarts of the gateway',
      false
    )
    .option('--tail <lines>', 'so many of the last lines of each replica; all when left out', toCount)
    .option('--since <time>', 'none that are older: RFC 3339, or a duration such as 5m', toInstant)
    .option('--instance <name>', 'of this replica only, such as hello-0')
    .option('--timestamps', 'print when each line was written', false)
    .option('--no-prefix', 'do not print which replica wrote a line')
    .option('-o, --output <format>', 'text, or json for an object a line', 'text')
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(command).action((name: string, options: LogsOptions) => printLogs(environment, name, options))
}

async function printLogs(environment: Environment, named: string, options: LogsOptions): Promise<void> {
  if (!['text', 'json'].includes(options.output)) throw usageError('-o must be text or json')
  const client = await connect(environment, options)
  const name = parseFunctionName(named, { given: options.namespace, fallback: client.namespace })
  const format = options.output === 'json' ? toJsonLine(environment) : toText(environment, options)
  for await (const line of linesOf(environment, client, { since: undefined, ...options, ...name })) {
    await write(environment.stdout, `${format(line)}\n`)
  }
}

interface Wanted extends FunctionName, Pick<LogsOptions, 'follow' | 'tail' | 'instance'> {
  readonly since: string | undefined
}

/** Each line once, also when the stream breaks off and is opened again; until there are no more, or the function is gone. */
async function* linesOf(environment: Environment, client: GatewayClient, wanted: Wanted): AsyncGenerator<LogMessage> {
  const { name, follow, tail, since } = wanted
  const replay = new LogReplay()
  const away = new Away(environment)
  let from: From = { since, tail }
  for (let isOpened = false; ; ) {
    try {
      const answer = await openLogs(client, wanted, from)
      isOpened = true
      for await (const line of readNdjson<LogMessage>(answer)) {
        away.back()
        if (replay.take(line)) yield line
      }
      if (!follow) return
    } catch (err) {
      if (isEnd(err, follow && isOpened)) return void environment.stderr.write(`function ${name} is gone\n`)
    }
    from = later(from, replay.resume())
    await away.pause()
  }
}

interface From {
  readonly since?: string | undefined
  readonly tail?: number | undefined
}

/** What is asked for after some was told: all of it since then. */
function later(before: From, resume: string | undefined): From {
  return resume === undefined ? before : { since: resume }
}

async function openLogs(
  client: GatewayClient,
  { name, namespace, follow, instance }: Wanted,
  from: From
): Promise<IncomingMessage> {
  const path = `/system/logs${queryOf({ name, namespace, instance, follow, ...from })}`
  const answer = await client.open({ method: 'GET', path })
  if (answer.statusCode !== 200) throw await client.refusal(answer)
  return answer
}

/** Whether a stream that broke off is at its end, and not to be opened again. Throws what neither explains. */
function isEnd(err: unknown, wasFollowed: boolean): boolean {
  const isGone = err instanceof GatewayError && err.status === 404
  if (!wasFollowed || !(isGone || isAway(err))) throw err
  return isGone
}

function toJsonLine({ stdout }: Environment): (line: LogMessage) => string {
  return line => (stdout.isTTY === true ? terminalSafeJson(JSON.stringify(line)) : JSON.stringify(line))
}

function toText({ env, stdout }: Environment, { timestamps, prefix }: LogsOptions): (line: LogMessage) => string {
  const paint = createPaint(env, stdout)
  // A line that holds a line feed must not pass for one of another replica.
  const safe = (text: string) => (stdout.isTTY === true ? terminalSafeLines(text).replaceAll('\n', '\\n') : text)
  return ({ instance, timestamp, text }) => {
    const head = prefix ? `${paint(styleOf(instance), safe(instance))} | ` : ''
    return `${head}${timestamps ? `${safe(timestamp)} ` : ''}${safe(text)}`
  }
}

/** The same for a replica each time. */
function styleOf(instance: string): Style | undefined {
  const sum = [...instance].reduce((total, character) => (total * 31 + (character.codePointAt(0) ?? 0)) % 997, 7)
  return STYLES[sum % STYLES.length]
}
