import { isIP } from 'node:net'
import * as z from 'zod'
import { isTmpfsPath } from '../../api/tmpfs-path.ts'
import { USER_TEXT } from '../../api/user-text.ts'
import { BRIDGE_NAME } from './docker-create.ts'
import type { BodyKind } from './docker-endpoints.ts'
import { BRIDGE_PREFIX } from './firewall-rules.ts'

const TEXT = z.string().max(1_000_000)
const NUMBER = z.number()
const NAME = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/)
const LABELS = z.record(TEXT, TEXT)
/** No namespace of the host or of another container. */
const NETWORK = NAME.refine(name => !['host', 'none', 'default', 'bridge'].includes(name))
const CLOSED_BRIDGE = new RegExp(`^(?:${Object.values(BRIDGE_PREFIX).join('|')})[0-9a-f]{1,11}$`)
/** A domain, or an option of resolv.conf. */
const DNS_WORD = z.string().regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.:-]*$/)
/** `size=` and the like: a tmpfs takes no source. */
const TMPFS = z.string().regex(/^[a-z0-9=,]*$/)

/** A volume, which the engine makes where it is not there; never a path of the host, nor a driver that could mount one. */
const MOUNT = z.strictObject({
  Type: z.literal('volume'),
  Source: NAME,
  Target: z.string().startsWith('/'),
  ReadOnly: z.boolean().optional(),
  VolumeOptions: z.strictObject({ NoCopy: z.boolean().optional(), Labels: LABELS })
})

const HOST_CONFIG = z.strictObject({
  NetworkMode: NETWORK,
  /** One that the host's administrator has set up, such as gVisor. */
  Runtime: NAME.optional(),
  RestartPolicy: z.strictObject({ Name: z.literal('no') }),
  AutoRemove: z.literal(false),
  Privileged: z.literal(false),
  CapDrop: z.tuple([z.literal('ALL')]),
  SecurityOpt: z.tuple([z.literal('no-new-privileges')]),
  ReadonlyRootfs: z.boolean(),
  Tmpfs: z.record(z.string().refine(isTmpfsPath), TMPFS),
  Dns: z.array(z.string().refine(text => isIP(text) !== 0)).optional(),
  DnsSearch: z.array(DNS_WORD).optional(),
  DnsOptions: z.array(DNS_WORD).optional(),
  Memory: NUMBER,
  MemorySwap: NUMBER,
  MemoryReservation: NUMBER,
  NanoCpus: NUMBER,
  CpuShares: NUMBER,
  PidsLimit: NUMBER.positive(),
  Ulimits: z.array(z.strictObject({ Name: z.literal('nofile'), Soft: NUMBER, Hard: NUMBER })),
  LogConfig: z.strictObject({ Type: z.literal('json-file'), Config: LABELS }),
  PortBindings: z.record(TEXT, z.array(z.strictObject({ HostIp: TEXT, HostPort: TEXT }))),
  Mounts: z.array(MOUNT).optional()
})

const CONTAINER = z.strictObject({
  Image: TEXT,
  User: z.string().regex(USER_TEXT).optional(),
  Env: z.array(TEXT),
  Labels: LABELS,
  ExposedPorts: z.record(TEXT, z.strictObject({})),
  Healthcheck: z.strictObject({ Test: z.tuple([z.literal('NONE')]) }),
  HostConfig: HOST_CONFIG,
  NetworkingConfig: z.strictObject({
    EndpointsConfig: z.record(NETWORK, z.strictObject({ NetworkID: TEXT.optional() }))
  })
})

/** A bridge whose name, where it has one, is one of ours: another could be that of the host, which it would take over. */
const NETWORK_BODY = z.strictObject({
  Name: NETWORK,
  CheckDuplicate: z.boolean(),
  Driver: z.literal('bridge'),
  Internal: z.boolean(),
  Options: z.strictObject({ [BRIDGE_NAME]: z.string().regex(CLOSED_BRIDGE) }).optional(),
  Attachable: z.literal(false),
  EnableIPv6: z.literal(false),
  IPAM: z.strictObject({ Driver: z.literal('default'), Config: z.array(z.strictObject({ Subnet: TEXT })) }),
  Labels: LABELS
})

const ATTACHMENT = z.strictObject({ Container: NAME })

/**
 * What may be sent, and nothing else: no mounts of the host, devices, capabilities, namespaces of the host or of others,
 * nor privileges. So whoever gets hold of the gateway behind a socket proxy gets no hold of the host.
 */
const BODIES = { container: CONTAINER, network: NETWORK_BODY, attachment: ATTACHMENT }

export type ContainerBody = z.infer<typeof CONTAINER>
export type NetworkBody = z.infer<typeof NETWORK_BODY>
export type Attachment = z.infer<typeof ATTACHMENT>

export type CheckedBody =
  | { readonly kind: 'container'; readonly body: ContainerBody }
  | { readonly kind: 'network'; readonly body: NetworkBody }
  | { readonly kind: 'attachment'; readonly body: Attachment }

/** The body as it may be sent; in words what is wrong with it, otherwise. */
export function checkBody(kind: Exclude<BodyKind, 'archive'>, text: string): CheckedBody | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return 'the body is no JSON'
  }
  const { data, error } = BODIES[kind].safeParse(json)
  if (error !== undefined) return `the body: ${error.issues.map(describe).join('; ')}`
  return { kind, body: data } as CheckedBody
}

/** Names the field, never its value: it may be a secret. */
function describe({ path, code, ...issue }: z.core.$ZodIssue): string {
  const fields = 'keys' in issue ? ` (${(issue.keys as string[]).join(', ')})` : ''
  return `${path.map(String).join('.') || 'all of it'} ${code}${fields}`
}
