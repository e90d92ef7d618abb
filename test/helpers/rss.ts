import { readFileSync } from 'node:fs'

/** What an idle gateway may weigh. */
export const RSS_BAR_MIB = 115

/** Memory that the process holds, as Linux counts it. */
export function rssMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}
