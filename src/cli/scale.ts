import type { Command } from 'commander'
import type { FunctionObject } from '../../api/function.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { functionPath, parseFunctionName } from './client/function-name.ts'
import { addGatewayOptions, NAMESPACE_OPTION, timeoutOption, WAIT_OPTION } from './client/options.ts'
import { settle } from './client/settle.ts'
import { toCount } from './client/values.ts'
import type { Environment } from './environment.ts'

interface ScaleOptions extends ConnectOptions {
  readonly replicas: number
  readonly wait: boolean
  readonly timeout: number
}

/** `docker-faas scale`. */
export function addScale(program: Command, environment: Environment): void {
  const command = program
    .command('scale')
    .description('set how many replicas functions have; the autoscaler leaves that number until the next deployment')
    .argument('<functions...>', 'NAME or NAME.NAMESPACE')
    .requiredOption('--replicas <number>', 'how many; brought within com.openfaas.scale.min and max', toCount)
    .option(...WAIT_OPTION)
    .addOption(timeoutOption(300_000))
    .option(...NAMESPACE_OPTION)
  addGatewayOptions(command).action((names: string[], options: ScaleOptions) => scale(environment, names, options))
}

async function scale(environment: Environment, texts: readonly string[], options: ScaleOptions): Promise<void> {
  const client = await connect(environment, options)
  const names = texts.map(text => parseFunctionName(text, { given: options.namespace, fallback: client.namespace }))
  const { replicas, wait, timeout: timeoutMs } = options
  const scaled: FunctionObject[] = []
  for (const name of names) {
    const object = await client.call<FunctionObject>('POST', functionPath(name, '/scale'), { replicas })
    const wanted = object.spec.replicas
    const bounded = wanted === replicas ? '' : `, not ${replicas}, by its com.openfaas.scale labels`
    environment.stdout.write(`function/${name.name} scaled to ${wanted}${bounded}\n`)
    scaled.push(object)
  }
  if (!wait) return
  for (const [index, name] of names.entries()) {
    const generation = scaled[index]?.metadata.generation ?? 0
    await settle(environment, client, name, { timeoutMs, generation })
    environment.stdout.write(`function/${name.name} has its replicas\n`)
  }
}
