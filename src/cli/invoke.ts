import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { type Command, Option } from 'commander'
import { takeInput } from './client/call-input.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { copyTo } from './client/copy.ts'
import { type FunctionName, parseFunctionName } from './client/function-name.ts'
import type { GatewayClient } from './client/gateway-client.ts'
import { addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { terminalSafe } from './client/terminal.ts'
import { toMilliseconds } from './client/time.ts'
import type { Environment } from './environment.ts'
import { CliError, EXIT, type ExitCode, usageError } from './exit-code.ts'
import { type CallOptions, type CallRequest, toCallRequest } from './invoke-request.ts'

interface InvokeOptions extends ConnectOptions, CallOptions {
  readonly data?: string
  readonly timeout?: number
  readonly verbose: boolean
  readonly raw: boolean
}

const HELP = `
What the function answers goes to the standard output, what the gateway says itself to the standard error.
Exit codes: 0 for 2xx, 13 for 3xx, 14 for 4xx, 15 for 5xx of the function; those of all commands when the gateway answers itself.
Examples:
  echo hi | docker-faas invoke hello
  docker-faas invoke hello --method GET --path /items --query page=2 -H 'Accept: application/json'
  docker-faas invoke hello --async --callback https://example.com/done -d @input.json --content-type application/json`

/** `docker-faas invoke`. */
export function addInvoke(program: Command, environment: Environment): void {
  const command = program
    .command('invoke')
    .description('call a function: its input is the standard input, unless that is a terminal')
    .argument('<function>', 'NAME or NAME.NAMESPACE')
    .option('-d, --data <data>', 'the input: text, @file for that of a file, - for the standard input')
    .option('-X, --method <method>', 'POST when left out; GET, HEAD and OPTIONS have no input but that of --data')
    .addOption(collect('-H, --header <header>', 'a header, as "Name: value"; may be given again'))
    .addOption(collect('--query <key=value>', 'a parameter of the query; may be given again'))
    .option('--path <path>', 'what follows the name of the function in the URL, such as /items/1')
    .option('--content-type <type>', 'the type of the input; text/plain when left out')
    .option('--async', 'have it called later, and print the id of the call', false)
    .option('--callback <url>', 'with --async: where the answer is sent')
    .option('--timeout <duration>', 'give the call up after so long; the gateway has times of its own', toMilliseconds)
    .option('--raw', 'write to a terminal what may command it', false)
    .option('-v, --verbose', 'print the request, the status and the headers on the standard error', false)
    .option(...NAMESPACE_OPTION)
    .addHelpText('after', HELP)
  addGatewayOptions(command).action((name: string, options: InvokeOptions) => invoke(environment, name, options))
}

function collect(flags: string, about: string): Option {
  return new Option(flags, about).default([]).argParser<string[]>((value, before) => [...before, value])
}

async function invoke(environment: Environment, named: string, options: InvokeOptions): Promise<void> {
  const client = await connect(environment, options)
  const name = parseFunctionName(named, { given: options.namespace, fallback: client.namespace })
  const request = toCallRequest(name, options)
  const body = await inputOf(environment, request, options.data)
  const { timeout } = options
  const late = timeout === undefined ? undefined : AbortSignal.timeout(timeout)
  const done = new AbortController()
  const signal = late === undefined ? done.signal : AbortSignal.any([done.signal, late])
  try {
    const answer = await send(environment, client, { ...request, ...body, signal }, options)
    if (options.async) await tellAccepted(environment, client, answer)
    else await tellAnswer(environment, client, answer, { ...options, name })
  } catch (err) {
    if (late?.aborted !== true) throw err
    throw new CliError(`the call was not answered within ${(timeout ?? 0) / 1000} s`, EXIT.timeout)
  } finally {
    // What is left of an input that the function did not want is not waited for.
    done.abort()
  }
}

type Request = Parameters<GatewayClient['open']>[0]

async function send(
  { stderr }: Environment,
  client: GatewayClient,
  request: Request,
  { verbose }: InvokeOptions
): Promise<IncomingMessage> {
  const say = (line: string) => verbose && stderr.write(`${terminalSafe(line)}\n`)
  say(`> ${request.method} ${client.url}${request.path}`)
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    say(`> ${name}: ${name === 'authorization' ? '(not shown)' : value}`)
  }
  const answer = await client.open(request)
  say(`< ${answer.statusCode} ${answer.statusMessage}`)
  const raw = answer.rawHeaders
  for (let at = 0; at < raw.length; at += 2) say(`< ${raw[at]}: ${raw[at + 1]}`)
  return answer
}

/** What the function gets as input; nothing for a method that has none. */
async function inputOf(
  { stdin }: Environment,
  { method, headers }: CallRequest,
  data: string | undefined
): Promise<Pick<Request, 'body' | 'headers'>> {
  if (data === '-' || data === '@-') return { headers, body: await takeInput(stdin) }
  if (data?.startsWith('@')) {
    const path = data.slice(1)
    const found = await stat(path).catch((err: unknown) => {
      throw usageError(`${path} cannot be read`, { cause: err })
    })
    if (found.isDirectory()) throw usageError(`${path} is a directory`)
    return { headers, body: await takeInput(createReadStream(path)) }
  }
  if (data !== undefined) return { headers, body: Buffer.from(data) }
  const takesInput = !['GET', 'HEAD', 'OPTIONS'].includes(method)
  return { headers, ...(takesInput && stdin.isTTY !== true ? { body: await takeInput(stdin) } : {}) }
}

/** Each answer that passed through the data plane names the gateway in `X-Served-By`; its own are marked. */
function isFromGateway({ headers }: IncomingMessage): boolean {
  return headers['x-openfaas-internal'] === 'proxy' || headers['x-served-by'] === undefined
}

async function tellAnswer(
  { stdout }: Environment,
  client: GatewayClient,
  answer: IncomingMessage,
  { raw, name }: InvokeOptions & { readonly name: FunctionName }
): Promise<void> {
  const status = answer.statusCode ?? 0
  if (isFromGateway(answer)) throw await refusalTold(client, answer, name)
  const isForPeople = stdout.isTTY === true && !raw
  const isWhole = await copyTo(stdout, answer, isForPeople).catch((err: unknown) => {
    throw new CliError('the answer broke off', EXIT.failed, { cause: err })
  })
  // What follows, be it the prompt, begins a line.
  if (isForPeople && !isWhole) stdout.write('\n')
  if (status >= 200 && status < 300) return
  const phrase = terminalSafe(answer.statusMessage ?? '')
  throw new CliError(`the function answered ${status} ${phrase}`.trimEnd(), codeOf(status))
}

/** The gateway's own answer as an error. One that tells of the function's status says how to see it. */
async function refusalTold(client: GatewayClient, answer: IncomingMessage, name: FunctionName): Promise<CliError> {
  const refusal = await client.refusal(answer)
  if ([408, 504].includes(refusal.status)) return new CliError(refusal.message, EXIT.timeout)
  if (refusal.status !== 503 || answer.headers['x-docker-faas-reason'] === undefined) return refusal
  return new CliError(
    `${refusal.message}\nSee "docker-faas describe ${name.name}.${name.namespace}".`,
    refusal.exitCode
  )
}

function codeOf(status: number): ExitCode {
  if (status < 400) return EXIT.answered3xx
  return status < 500 ? EXIT.answered4xx : EXIT.answered5xx
}

/** The id of the call alone goes to the standard output, so that it can be put in a variable. */
async function tellAccepted(
  { stdout, stderr }: Environment,
  client: GatewayClient,
  answer: IncomingMessage
): Promise<void> {
  if (answer.statusCode !== 202) throw await client.refusal(answer)
  answer.resume()
  const { 'x-call-id': call = '', 'x-invocation-id': id = '' } = answer.headers
  stdout.write(`${terminalSafe(String(call))}\n`)
  if (id !== '') stderr.write(`accepted; see it with "docker-faas invocation get ${terminalSafe(String(id))}"\n`)
}
