import type { IncomingMessage } from 'node:http'
import { basename, dirname } from 'node:path/posix'
import type Docker from 'dockerode'
import { isSecretsVolumeName } from '../../api/names.ts'
import type { SecretFile, SecretsMount } from './specs.ts'

/** Where a function finds its secrets, a file for each. Source: OpenFaaS workload contract. */
const SECRETS_DIR = '/var/openfaas/secrets'

/** Where the archive is unpacked. */
export const SECRETS_PARENT = dirname(SECRETS_DIR)

/** Any user of any image may read. */
const FILE_MODE = 0o444
/** Of the directory itself: it gets this mode last, so that it says that every file is there. */
const WHOLE_MODE = 0o555
/** Go's bit of a directory. Source: io/fs, FileMode. */
const DIRECTORY = 2 ** 31

/** The mount of a volume with secrets; the engine makes the volume, with these labels, where it is not there. */
export function toSecretsMount({ volume, labels, access }: SecretsMount): Docker.MountSettings {
  return {
    Type: 'volume',
    Source: volume,
    Target: SECRETS_DIR,
    ReadOnly: access === 'read',
    // What an image has at this path must not get into the volume.
    VolumeOptions: { NoCopy: true, Labels: { ...labels } } as unknown as NonNullable<
      Docker.MountSettings['VolumeOptions']
    >
  }
}

/** Name of the volume with secrets that a container has mounted; one that its image has at this path is none. */
export function secretsVolumeOf(
  mounts:
    | readonly { readonly Type: string; readonly Name?: string | undefined; readonly Destination: string }[]
    | undefined
): string | undefined {
  const mounted = mounts?.find(({ Type, Destination }) => Type === 'volume' && Destination === SECRETS_DIR)?.Name
  return mounted !== undefined && isSecretsVolumeName(mounted) ? mounted : undefined
}

/** A tar of the directory, to be unpacked in its parent. */
export async function toSecretsArchive(files: readonly SecretFile[]): Promise<Buffer> {
  // Loaded when it is needed first: an idle gateway is a few MiB lighter without it.
  const { pack } = await import('tar-stream')
  const tar = pack()
  const name = basename(SECRETS_DIR)
  const owner = { uid: 0, gid: 0, mtime: new Date(0) }
  for (const file of files)
    tar.entry({ name: `${name}/${file.name}`, mode: FILE_MODE, ...owner }, Buffer.from(file.value))
  tar.entry({ name, type: 'directory', mode: WHOLE_MODE, ...owner })
  tar.finalize()
  return Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>))
}

/** The request for what the engine says of the directory. */
export const SECRETS_STAT = { path: SECRETS_DIR }

/** Whether the directory is what a whole archive leaves, as the engine says in the header of its answer. */
export function isWhole(answer: unknown): boolean {
  const { headers } = answer as Pick<IncomingMessage, 'headers'>
  const text = Buffer.from(String(headers['x-docker-container-path-stat'] ?? ''), 'base64').toString()
  const { mode = 0 } = JSON.parse(text || '{}') as { mode?: number }
  return mode === DIRECTORY + WHOLE_MODE
}
