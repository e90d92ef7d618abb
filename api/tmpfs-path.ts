/** What the kernel, the engine and the gateway have in a container. */
const RESERVED = ['/proc', '/sys', '/dev', '/etc', '/var/openfaas']
/** The one place below a reserved one that programs need to be larger. */
const SHARED_MEMORY = '/dev/shm'

/** Whether a tmpfs may be mounted there: an absolute path that hides nothing of the engine's, nor the secrets. */
export function isTmpfsPath(path: string): boolean {
  if (path.length > 255 || !/^(?:\/[A-Za-z0-9_.-]+)+$/.test(path)) return false
  if (path.split('/').some(part => part === '.' || part === '..')) return false
  if (path === SHARED_MEMORY) return true
  return !RESERVED.some(reserved => isWithin(path, reserved) || isWithin(reserved, path))
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
