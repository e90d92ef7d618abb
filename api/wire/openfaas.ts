import * as z from 'zod'
import { FunctionContainer } from '../openfaas.ts'
import { count, text, texts, timestamp } from './shape.ts'

/** What `/system` answers with, as OpenFaaS clients read it. */

const Quantities = z
  .object({ memory: text('128Mi').optional(), cpu: text('500m').optional() })
  .meta({ id: 'OpenfaasQuantities' })

/** A function; what is unset is left out. */
export const OpenfaasFunction = z
  .object({
    name: text('resize'),
    namespace: text('openfaas-fn'),
    image: text('registry.example/team/resize:1.4.2'),
    envProcess: text('node index.js').optional(),
    envVars: texts({ LOG_LEVEL: 'info' }).optional(),
    constraints: z.array(text('node.labels.gpu == true')).optional(),
    secrets: z.array(text('api-key')).optional(),
    labels: texts({ team: 'images', faas_function: 'resize' }),
    annotations: texts({ 'com.openfaas.health.http.path': '/ready' }).optional(),
    limits: Quantities.optional(),
    requests: Quantities.optional(),
    readOnlyRootFilesystem: z.boolean().optional(),
    debug: z.boolean().optional(),
    network: text('team-net').optional(),
    replicas: count(2, 'how many are wanted'),
    availableReplicas: count(2, 'how many answer'),
    invocationCount: count(1204),
    usage: z
      .object({
        cpu: z
          .number()
          .meta({ examples: [12.5], description: 'thousandths of a core' })
          .optional(),
        totalMemoryBytes: count(48_234_496).optional()
      })
      .meta({ id: 'OpenfaasUsage' })
      .optional(),
    createdAt: timestamp()
  })
  .meta({ id: 'OpenfaasFunction' })

export const OpenfaasFunctions = z.array(OpenfaasFunction)

export const FunctionContainers = z.array(FunctionContainer)

/** `GET /system/info`. */
export const InfoAnswer = z
  .object({
    provider: z.object({
      provider: z.literal('docker-faas'),
      orchestration: z.literal('docker'),
      version: z.object({ release: text('3.0.0'), sha: text('0c5d9e1') })
    }),
    version: z.object({ release: text('3.0.0'), sha: text('0c5d9e1'), commit_message: text('') }),
    arch: text('x86_64')
  })
  .meta({ id: 'Info' })

/** A namespace, with labels and annotations as they were sent. */
export const OpenfaasNamespace = z
  .object({ name: text('team-a'), labels: texts({ openfaas: '1' }), annotations: texts({ openfaas: '1' }) })
  .meta({ id: 'OpenfaasNamespace' })

export const NamespaceNames = z.array(text('openfaas-fn'))

/** `GET /system/config`: more may come. */
export const ConfigAnswer = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .meta({ id: 'Config', examples: [{ functionsNetwork: 'docker-faas-net', authEnabled: true, maxReplicas: 10 }] })

/** A secret by its name. */
export const SecretNameAnswer = z
  .object({ name: text('api-key'), namespace: text('openfaas-fn') })
  .meta({ id: 'OpenfaasSecret' })

export const SecretNamesAnswer = z.array(SecretNameAnswer)
