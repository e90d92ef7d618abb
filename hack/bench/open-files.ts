import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const WANTED = 65_536
/** Of a gateway, beside the connections of streams. */
const OTHERS = 200

/** Lets this process, and what it starts, open more files where that may be done; how many it may open then. */
export function raiseOpenFiles(): number {
  if (openFiles() < WANTED) {
    try {
      execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${WANTED}`], { stdio: 'ignore' })
    } catch {
      // Not root, or root in a container: it stays as it is.
    }
  }
  return openFiles()
}

/** How many streams fit: each takes a connection of a client and one to a replica. */
export function streamsWithin(openFiles: number): number {
  return Math.floor((openFiles - OTHERS) / 2)
}

function openFiles(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
}
