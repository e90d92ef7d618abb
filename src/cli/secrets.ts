import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { SecretKeyRotation } from '../http/deps.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { addGatewayOptions, NAMESPACE_OPTION } from './client/options.ts'
import { toJson } from './client/output.ts'
import { askSecret } from './client/secret-input.ts'
import { terminalSafe, terminalSafeLines } from './client/terminal.ts'
import type { Environment } from './environment.ts'
import { usageError } from './exit-code.ts'
import { addDeleteSome, addGetOne, addList } from './resource/nouns.ts'

interface RotateOptions extends ConnectOptions {
  readonly removeOld: boolean
  readonly json: boolean
}

interface WriteOptions extends ConnectOptions {
  readonly fromFile?: string
  readonly fromLiteral?: string
  readonly trim: boolean
}

const NOUN = { plural: 'secrets', singular: 'secret', namespaced: true }
/** What a gateway takes, and a little more, so that it is the gateway which says what is too large. */
const MAX_BYTES = 1024 * 1024

const HELP = `
The value is the standard input (without the line feed at its end, unless --no-trim), or the bytes of --from-file; at a terminal it is asked for.
Examples:
  docker-faas secret create db-password < password.txt
  docker-faas secret update tls-key --from-file key.pem -n team-a`

/** `docker-faas secret`; `secrets` as well, which it was called when it looked after keys only. */
export function addSecrets(program: Command, environment: Environment): void {
  const secret = program
    .command('secret')
    .alias('secrets')
    .description('create, list, change and delete secrets of functions, and look after the keys that encrypt them')
    .addHelpText('after', '\nSee docs/secrets.md.')
  for (const [verb, method, done] of [
    ['create', 'POST', 'created'],
    ['update', 'PUT', 'updated']
  ] as const) {
    const write = secret
      .command(verb)
      .description(
        verb === 'create' ? 'make a secret' : 'give a secret another value; functions that use it are replaced'
      )
      .argument(verb === 'create' ? '<name>' : '<secret>')
      .option('--from-file <path>', 'the value is what the file holds, as it is')
      .option(
        '--from-literal <value>',
        'the value itself: other users of this machine can read it while the command runs'
      )
      .option('--no-trim', 'keep the line feed at the end of the standard input')
      .option(...NAMESPACE_OPTION)
      .addHelpText('after', HELP)
    addGatewayOptions(write).action((name: string, options: WriteOptions) =>
      writeSecret(environment, { method, done }, name, options)
    )
  }
  addList(secret, environment, NOUN)
  addGetOne(secret, environment, NOUN)
  addDeleteSome(secret, environment, NOUN).option('--force', 'though functions use it', false)
  addRotate(secret, environment)
}

function addRotate(secret: Command, environment: Environment): void {
  const rotate = secret
    .command('rotate-key')
    .description('have the running gateway encrypt every secret with a new key, while it serves')
    .option('--remove-old', 'take keys out of the file that no secret needs; older backups may need them', false)
    .option('--json', 'print JSON', false)
  addGatewayOptions(rotate).action((options: RotateOptions) => rotateKey(environment, options))
}

async function writeSecret(
  environment: Environment,
  { method, done }: { readonly method: string; readonly done: string },
  name: string,
  options: WriteOptions
): Promise<void> {
  const value = await readValue(environment, name, options)
  const client = await connect(environment, options)
  const { namespace } = client
  await client.call(method, '/system/secrets', { name, namespace, rawValue: value.toString('base64') })
  environment.stdout.write(`secret/${terminalSafe(name)} ${done}\n`)
}

async function readValue(environment: Environment, name: string, options: WriteOptions): Promise<Buffer> {
  const { fromFile, fromLiteral, trim } = options
  const { stdin, stderr } = environment
  if (fromFile !== undefined && fromLiteral !== undefined)
    throw usageError('choose one of --from-file and --from-literal')
  if (fromLiteral !== undefined) {
    stderr.write(
      '--from-literal shows the value to other users of this machine and keeps it in the history of the shell\n'
    )
    return Buffer.from(fromLiteral)
  }
  if (fromFile !== undefined && fromFile !== '-') {
    return await readFile(fromFile).catch((err: unknown) => {
      throw usageError(`${fromFile} cannot be read`, { cause: err })
    })
  }
  if (stdin.isTTY === true) {
    return Buffer.from(
      await askSecret(environment, `Value of ${terminalSafe(name)}: `, 'the standard input or --from-file')
    )
  }
  return readInput(stdin, trim)
}

/** As bytes: a secret need not be text. */
async function readInput(stdin: Environment['stdin'], trim: boolean): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    size += chunk.length
    if (size > MAX_BYTES) throw usageError('the standard input holds more than 1 MiB')
  }
  const value = Buffer.concat(chunks)
  if (value.length === 0) throw usageError('the standard input is empty: give the value there, or --from-file')
  if (!trim || value.at(-1) !== 0x0a) return value
  return value.subarray(0, value.at(-2) === 0x0d ? -2 : -1)
}

/** Has the gateway encrypt every secret with a new key. Throws, and so ends with code 1, when some could not be read. */
async function rotateKey(environment: Environment, options: RotateOptions): Promise<void> {
  const gateway = await connect(environment, options)
  const { removeOld } = options
  const result = await gateway.call<SecretKeyRotation>('POST', '/v1/secret-keys/rotate', { removeOld })
  environment.stdout.write(options.json ? toJson(result) : `${terminalSafeLines(describe(result))}\n`)
  if (result.unreadable.length > 0) {
    throw new Error(`${result.unreadable.length} secrets cannot be read: restore their key, or write them anew`)
  }
}

function describe({ keyId, resealed, unreadable, unusedKeyIds, removedKeyIds }: SecretKeyRotation): string {
  return [
    `${resealed} secrets are encrypted with the new key ${keyId} now`,
    ...unreadable.map(key => `${key} cannot be read, and stays as it is`),
    ...removedKeyIds.map(id => `took key ${id} out of the file`),
    ...unusedKeyIds.map(id => `key ${id} is needed by older backups only; --remove-old takes it out of the file`)
  ].join('\n')
}
