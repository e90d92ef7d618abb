import { duration, field, integer, ipv4Network, oneOf, path, text } from './field.ts'
import { SECOND_MS } from './units.ts'

const dockerName = text(
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/,
  'name',
  "1 to 63 letters, digits, '_', '.' and '-', starting with a letter or digit",
  'docker-faas-net'
)
const containerName = text(
  /^([a-zA-Z0-9][a-zA-Z0-9_.-]{0,127})?$/,
  'name or id',
  'the name or id of a container',
  'docker-faas-gateway'
)
const dnsLabel = text(
  /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/,
  'DNS label',
  "1 to 40 of a-z, 0-9 and '-', starting and ending with a letter or digit",
  'docker-faas'
)
const dockerHost = text(
  /^(unix:\/\/\/|npipe:\/\/|(tcp|https?|ssh):\/\/[^/\s])\S+$/,
  'URL',
  'unix:///path, npipe://path, tcp://host:port, http(s)://host:port or ssh://user@host',
  'unix:///var/run/docker.sock'
)
const filePath = text(/^[^\0]{1,4096}$/, 'path', 'a path of at most 4096 characters', 'docker-faas.db')

/** The installation, its files, and the engine that it has functions on. */
export const engineFields = {
  INSTANCE_ID: field(
    dnsLabel,
    'docker-faas',
    'Tells installations on one engine apart; objects of another id are never touched'
  ),
  STATE_DB_PATH: field(filePath, 'docker-faas.db', 'The SQLite file'),
  SECRETS_KEY_FILE: field(
    path,
    '',
    'File with the keys that secrets are encrypted with; `secrets-key` beside the database when not set, made when missing',
    { secret: true }
  ),
  DOCKER_HOST: field(dockerHost, 'unix:///var/run/docker.sock', 'The engine'),
  ENGINE_TIMEOUT: field(duration(SECOND_MS), '30s', 'How long one call of the engine may take'),
  ENGINE_REPAIR_RATE: field(
    integer(1, 10_000),
    '30',
    'Most steps per second with which the engine is asked to mend what nobody asked to change, in the long run'
  ),
  ENGINE_REPAIR_BURST: field(integer(1, 10_000), '60', 'How many such steps may come at once after a quiet time'),
  FUNCTIONS_NETWORK: field(dockerName, 'docker-faas-net', 'First part of the names of the networks of functions'),
  FUNCTIONS_SUBNET_POOL: field(
    ipv4Network(8, 24),
    '10.62.0.0/16',
    'Where the networks of functions get their addresses'
  ),
  GATEWAY_CONTAINER_NAME: field(
    containerName,
    '',
    'The container that the gateway runs in; found by itself when not set'
  ),
  IMAGE_PULL_POLICY: field(oneOf(['Always', 'IfNotPresent', 'Never']), 'IfNotPresent', 'When images are pulled'),
  REGISTRY_AUTH_FILE: field(path, '', "Docker's config.json with the credentials of registries", { secret: true }),
  PULL_INACTIVITY_TIMEOUT: field(duration(SECOND_MS), '60s', 'A pull without any progress for so long has failed')
} as const
