import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { killNow, removeNamespace } from './net-namespace.ts'

/** Start of the names of the directories of private engines; a network namespace has the name of its directory. */
export const PRIVATE_PREFIX = 'docker-faas-engine-'

/** Who made the directory: its process id, and when that process started, as ids are used again. */
const OWNER = 'owner'

/** Writes down that this process owns the directory. */
export function claimDirectory(directory: string): void {
  writeFileSync(join(directory, OWNER), `${process.pid} ${startTimeOf(process.pid)}`)
}

/** Removes what test runs that were killed have left behind; never what a run that is alive has made. */
export function removeLeftovers(): void {
  for (const directory of globSync(join(tmpdir(), `${PRIVATE_PREFIX}*`))) {
    const [pid = '', startTime = ''] = (readOrUndefined(join(directory, OWNER)) ?? '').split(' ')
    // One without an owner is being made just now, or is none of ours.
    if (pid !== '' && startTimeOf(Number(pid)) !== startTime) removePrivate(directory)
  }
}

/** Kills every process of a private engine and of its containers, and removes all of it. */
export function removePrivate(directory: string): void {
  removeNamespace(`${basename(directory)}-out`)
  removeNamespace(basename(directory))
  killContainers(directory)
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(path => path.startsWith(`${directory}/`))
  for (const path of mounts.reverse()) execFileSync('umount', ['--lazy', path])
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
}

/** Kills the containers: their first processes are written down below the engine's exec-root. */
export function killContainers(directory: string): void {
  for (const file of globSync(join(directory, 'exec/containerd/daemon/io.containerd.runtime.v2.task/*/*/init.pid'))) {
    const pid = Number(readOrUndefined(file))
    if (pid > 1 && isContainer(pid, basename(join(file, '..')))) killNow(pid)
  }
}

/** A process id may be somebody else's by now, so the process must be in the container's control group. */
function isContainer(pid: number, containerId: string): boolean {
  return (readOrUndefined(`/proc/${pid}/cgroup`) ?? '').includes(containerId)
}

/** In ticks since the machine's start; undefined when there is no such process. */
function startTimeOf(pid: number): string | undefined {
  // The name of the program, in brackets, may hold anything.
  return readOrUndefined(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19]
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    if (['ENOENT', 'ESRCH'].includes((err as { code?: string }).code ?? '')) return undefined
    throw err
  }
}
