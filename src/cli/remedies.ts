import type { Condition, Reason } from '../../api/condition.ts'

/** What somebody can do about the fault that a condition names; docs/api.md has the same reasons. */
export const REMEDIES: Readonly<Partial<Record<Reason, string>>> = {
  ImageNotFound: 'mend the name of the image, push it, or build it on the engine that the gateway uses',
  ImagePullUnauthorized:
    'have the gateway find credentials: docker login, or REGISTRY_AUTH_FILE; it tries again by itself',
  ImagePullFailed:
    'nothing, if the registry comes back: it is asked again, after 5 minutes at most; or build the image here',
  DiskPressure: "make room on the engine's disk",
  CrashLoopBackOff: 'mend what its last output complains of, and deploy it again; "docker-faas logs" shows more of it',
  ReplicaExited: 'mend what its last output complains of, and deploy it again; "docker-faas logs" shows more of it',
  LivenessFailed: 'mend the function, or its annotations com.openfaas.health.http.* (docs/probes.md)',
  OOMKilled: 'give it more memory: limits.memory',
  StartFailed: "mend the image's command, or the profile's user; the message has the engine's words",
  ReadinessTimeout:
    'have it listen on port 8080 and answer its probe (docs/probes.md); "docker-faas logs" shows what it says',
  SecretMissing: 'make the secret in the namespace of the function: docker-faas secret create',
  SecretUnreadable: 'put SECRETS_KEY_FILE back, or write the secret anew: docker-faas secret update',
  PolicyViolation: 'change what the message names, or the policy of the namespace (docs/isolation.md)',
  ProfileMissing: 'make the profile, or take it out of the annotation com.openfaas.profile',
  RuntimeMissing: 'install the runtime on the engine; the function starts by itself then',
  NameConflict: 'remove or rename the container or network of that name, which is not ours',
  PortInUse: 'nothing: it gets another port',
  DebugPortsExhausted: 'enlarge DEBUG_PORT_RANGE, or switch debug off in other functions',
  DebugAddressMissing: "set DEBUG_BIND_ADDRESS to an address of the engine's host",
  SubnetsExhausted: 'delete functions, or set a larger FUNCTIONS_SUBNET_POOL',
  SubnetConflict: 'remove the route that the message names, or set another FUNCTIONS_SUBNET_POOL',
  NetworkTooSmall: 'scale it to 0 and back, for a larger network',
  BridgeFull: 'ask for fewer replicas',
  NetworkBusy: 'disconnect from the network what is not ours, or wait',
  DatabaseRestored: 'decide whether what runs or the database is right: docker-faas adopt (docs/operations.md)',
  EngineUnreachable: 'start Docker, or make DOCKER_HOST lead to it; replicas known last serve on',
  EngineError: "the message has the engine's words, and the log of the gateway more",
  InternalError: 'a fault of this program: the log of the gateway has more'
}

/** What helps against what the conditions tell, each once. */
export function remediesOf(conditions: readonly Pick<Condition, 'reason'>[]): string[] {
  const texts = conditions.map(({ reason }) => REMEDIES[reason]).filter(text => text !== undefined)
  return [...new Set(texts)]
}
