import { expect } from 'chai'
import fc from 'fast-check'
import type { FunctionDraft } from '../../api/function.ts'
import { Deployment, fromDeployment } from '../../api/openfaas.ts'
import { containerSpec } from '../../controllers/function/container-spec.ts'
import { aDesired, aFunction } from '../../test/helpers/builders.ts'
import { toCreateBody } from '../engine/docker-create.ts'
import { FunctionBody, toFunctionDraft } from '../http/function-input.ts'

const LIMITS = { maxReplicas: 10, defaultReplicas: 1 }

/** Words with which Docker, Compose, Kubernetes and OpenFaaS reach for the host. */
const REACH = [
  ...['network', 'networkMode', 'NetworkMode', 'privileged', 'Privileged', 'HostConfig', 'CapAdd', 'capAdd', 'devices'],
  ...['Binds', 'binds', 'volumes', 'Mounts', 'mounts', 'pid', 'PidMode', 'IpcMode', 'UTSMode', 'UsernsMode', 'userns'],
  ...['SecurityOpt', 'securityContext', 'sysctls', 'cgroupParent', 'Runtime', 'runtime', 'User', 'user', 'Cmd'],
  ...['__proto__', 'constructor', 'hostNetwork', 'hostPID', 'ports', 'PortBindings', 'profiles', 'registryAuth']
]
const VALUES = ['host', 'container:x', '/:/host', '/var/run/docker.sock', 'ALL', 'seccomp=unconfined', 'unconfined', '']

const reach = fc.dictionary(
  fc.constantFrom(...REACH),
  fc.oneof(
    fc.constantFrom(...VALUES),
    fc.boolean(),
    fc.array(fc.constantFrom(...VALUES), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom(...REACH), fc.constantFrom<unknown>(...VALUES, true, 0))
  ),
  { maxKeys: 6, noNullPrototype: true }
)
const labels = fc.dictionary(
  fc.oneof(fc.constantFrom('com.docker-faas.role', 'com.docker-faas.uid', 'com.docker.compose.project'), fc.string()),
  fc.oneof(fc.constantFrom(...VALUES), fc.string()),
  { maxKeys: 3, noNullPrototype: true }
)
const known = fc.record(
  {
    image: fc.constantFrom('hello:1', 'registry.example/x@sha256:'.padEnd(90, 'a'), '../../etc', 'host'),
    env: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
    envProcess: fc.string(),
    network: fc.constantFrom('host', 'none', 'container:abc', 'bridge'),
    readOnlyRootFilesystem: fc.boolean(),
    debug: fc.boolean(),
    constraints: fc.array(fc.string(), { maxLength: 2 }),
    limits: fc.record({ memory: fc.constantFrom('1', '64Mi', '-1'), cpu: fc.constantFrom('1', '0', '-1') })
  },
  { requiredKeys: [] }
)

/** Nothing else may ever be sent. */
const BODY_KEYS = ['Image', 'Env', 'Labels', 'ExposedPorts', 'Healthcheck', 'HostConfig', 'NetworkingConfig']
const FIXED = {
  ...{ RestartPolicy: { Name: 'no' }, AutoRemove: false, Privileged: false, CapDrop: ['ALL'] },
  SecurityOpt: ['no-new-privileges'],
  Ulimits: [{ Name: 'nofile', Soft: 16_384, Hard: 16_384 }]
}
const VARYING = ['NetworkMode', 'ReadonlyRootfs', 'Tmpfs', 'Memory', 'MemorySwap', 'MemoryReservation', 'NanoCpus']
const HOST_KEYS = [...Object.keys(FIXED), ...VARYING, 'CpuShares', 'PidsLimit', 'LogConfig', 'PortBindings']

function expectAllowed(draft: FunctionDraft): void {
  const fn = aFunction({ ...draft.spec, labels: draft.labels, annotations: draft.annotations })
  const desired = aDesired({ fn })
  const body = toCreateBody(containerSpec(fn, desired, { ordinal: 0, image: 'hello:1', hash: 'bbbbbbbb', ports: [] }))
  const host = body.HostConfig as Record<string, unknown>
  expect(Object.keys(body).filter(key => !BODY_KEYS.includes(key))).to.deep.equal([])
  expect(Object.keys(host).filter(key => !HOST_KEYS.includes(key))).to.deep.equal([])
  expect(host).to.deep.include(FIXED)
  expect(host['NetworkMode']).to.equal('test-net-hello')
  expect(host['PidsLimit']).to.equal(512)
  expect(Object.keys(host['Tmpfs'] as object)).to.deep.equal(draft.spec.readOnlyRootFilesystem ? ['/tmp'] : [])
  const bound = Object.values(host['PortBindings'] as Record<string, { HostIp: string }[]>).flat()
  expect(bound.filter(({ HostIp }) => HostIp !== '127.0.0.1')).to.deep.equal([])
  expect(body.Labels).to.include({ 'com.docker-faas.role': 'replica', 'com.docker-faas.uid': 'uid-1' })
}

/** Whether the program took it; one that is refused has no container. */
function taken(parse: () => FunctionDraft): FunctionDraft | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

describe('security of what a deployment becomes', () => {
  it('S7: on /system, no field of any name reaches the engine but those that are allowed', () => {
    let accepted = 0
    fc.assert(
      fc.property(known, reach, labels, (fields, extra, tags) => {
        const draft = taken(() =>
          fromDeployment(
            Deployment.parse({ service: 'hello', ...extra, image: 'hello:1', ...fields, labels: tags }),
            undefined,
            LIMITS
          )
        )
        if (draft !== undefined) expectAllowed(draft)
        accepted += draft === undefined ? 0 : 1
      }),
      { numRuns: 2000 }
    )
    expect(accepted).to.be.above(50)
  })

  it('S7: on /v1, an unknown field is refused, and what is known asks for nothing more', () => {
    fc.assert(
      fc.property(known, reach, labels, (fields, extra, tags) => {
        const metadata = { name: 'hello', labels: tags }
        const body = (spec: object) => FunctionBody.parse({ metadata, spec: { image: 'hello:1', ...spec, ...fields } })
        const draft = taken(() => toFunctionDraft(body({}), 'openfaas-fn', undefined, LIMITS))
        if (draft !== undefined) expectAllowed(draft)
        const isKnown = (key: string) => ['network', 'debug', 'env', 'image'].includes(key)
        if (Object.keys(extra).some(key => !isKnown(key))) {
          expect(taken(() => toFunctionDraft(body(extra), 'openfaas-fn', undefined, LIMITS))).to.equal(undefined)
        }
      }),
      { numRuns: 2000 }
    )
  })
})
