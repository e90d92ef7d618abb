import { type Command, Option } from 'commander'
import { formatDuration } from '../../../api/duration.ts'
import { toMilliseconds } from './time.ts'

/** The options of `ConnectOptions`, for each command that asks a gateway. */
export function addGatewayOptions(command: Command): Command {
  const options = [
    new Option(
      '--gateway <url>',
      'the gateway; else DOCKER_FAAS_GATEWAY, OPENFAAS_URL, that of the current context, that of this machine'
    ),
    new Option('--context <name>', 'the gateway and the credentials of this context; else DOCKER_FAAS_CONTEXT'),
    new Option(
      '--token-file <path>',
      'a file with a token; else DOCKER_FAAS_TOKEN, DOCKER_FAAS_TOKEN_FILE, that of the context'
    ),
    new Option('--ca-file <path>', 'PEM certificates to trust; else DOCKER_FAAS_CA_FILE, those of the context')
  ]
  for (const option of options) command.addOption(option.helpGroup('Gateway:'))
  return command
}

/** Of each command about objects of a namespace. */
export const NAMESPACE_OPTION = [
  '-n, --namespace <namespace>',
  'else DOCKER_FAAS_NAMESPACE, that of the context, openfaas-fn'
] as const

/** Of each command that lists objects of namespaces. */
export const ALL_NAMESPACES_OPTION = [
  '-A, --all-namespaces',
  'those of every namespace that you may see',
  false
] as const

/** Of each command that changes a function. */
export const WAIT_OPTION = ['--wait', 'wait until it is so', false] as const

/** `--timeout` of each command that waits, in milliseconds. */
export function timeoutOption(defaultMs: number): Option {
  const option = new Option('--timeout <duration>', 'how long to wait; then the code is 6')
  return option.argParser(toMilliseconds).default(defaultMs, formatDuration(defaultMs))
}
