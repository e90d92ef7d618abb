/** What the kernel says of processes (Linux). */
import { readdirSync, readFileSync } from 'node:fs'

const NANOS_PER_MICRO = 1000

/** The process and all that it started, and those started. */
export function familyOf(pid: number): number[] {
  const children = tasksOf(pid).flatMap(task => readOrNothing(`/proc/${pid}/task/${task}/children`).split(' '))
  const pids = children.map(Number).filter(child => child > 0)
  return [pid, ...pids.flatMap(familyOf)]
}

/** Microseconds of CPU that the processes have used so far, in the kernel too. Source: `schedstat` of each thread, in nanoseconds. */
export function cpuMicros(pids: readonly number[]): number {
  const nanos = pids.flatMap(pid =>
    tasksOf(pid).map(task => Number(readOrNothing(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]))
  )
  return nanos.reduce((sum, each) => sum + each, 0) / NANOS_PER_MICRO
}

/** Resident KiB of the processes; what they share counts for each. */
export function rssKiB(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + rssOf(pid), 0)
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readOrNothing(`/proc/${pid}/status`))?.[1] ?? 0)
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return [] // it has ended
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended
  }
}
