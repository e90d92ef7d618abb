import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Ids of the worker processes that a process has started, the oldest first. */
export function workersOf(parent: number): number[] {
  const ids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const own = ids.filter(id => parentOf(id) === parent && read(`/proc/${id}/cmdline`).startsWith('docker-faas worker'))
  return own.map(Number).sort((a, b) => a - b)
}

/** How many connections over IPv4 to one of its ports a process has. */
export function connectionsOf(pid: number, port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = read(`/proc/${pid}/net/tcp`)
    .split('\n')
    .map(line => line.trim().split(/\s+/))
  const established = rows.filter(row => row[1]?.endsWith(local) && row[3] === '01')
  const sockets = new Set(established.map(row => `socket:[${row[9]}]`))
  return readdirSync(`/proc/${pid}/fd`).filter(fd => sockets.has(linkOf(`/proc/${pid}/fd/${fd}`))).length
}

/** Ticks of CPU that the process has had. */
export function cpuTicksOf(pid: number): number {
  const fields = statOf(String(pid))
  return Number(fields[11]) + Number(fields[12])
}

function parentOf(id: string): number {
  return Number(statOf(id)[1])
}

/** What stands behind the name, which may hold spaces. */
function statOf(id: string): string[] {
  return read(`/proc/${id}/stat`).split(') ').at(-1)?.split(' ') ?? []
}

/** Empty when it is gone: processes and connections end while one looks. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed meanwhile
  }
}
