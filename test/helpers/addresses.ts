import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** So many processes of tests may run side by side on a machine. */
const PROCESSES = 64
/** /28s of 198.18.0.0/15, which RFC 2544 keeps for tests, that each of them has. */
const SUBNETS = 128
/** /20s of 10.128.0.0/9 that each of them has. */
const POOLS = 30
/** Ports that each of them has. They lie below those that the kernel gives out, and beside those for debuggers. */
const PORTS = 100
const FIRST_PORT = 12_000

/** Addresses and ports that no other process of tests on this machine has, by a number that no other one has. */
class Addresses {
  #number: number | undefined
  #lock: DatabaseSync | undefined
  #subnets = 0
  #pools = 0
  #ports = 0

  /** A /28; another one at each of 128 calls. */
  subnet(): string {
    const n = this.#subnets++ % SUBNETS
    const block = this.#ours()
    return `198.${18 + (block >> 5)}.${(block & 31) * 8 + (n >> 4)}.${(n & 15) * 16}/28`
  }

  /** A /20 for the networks of a gateway's functions; another one at each of 30 calls. */
  pool(): string {
    const n = this.#ours() * POOLS + (this.#pools++ % POOLS)
    return `10.${128 + (n >> 4)}.${(n & 15) * 16}.0/20`
  }

  /** A port of TCP that others may listen on all the same, if they are no tests; another one at each of 100 calls. */
  port(): number {
    return FIRST_PORT + this.#ours() * PORTS + (this.#ports++ % PORTS)
  }

  #ours(): number {
    this.#number ??= this.#claim()
    return this.#number
  }

  /** The lock goes with the process, however that ends. */
  #claim(): number {
    const folder = join(tmpdir(), 'docker-faas-test-addresses')
    mkdirSync(folder, { recursive: true })
    for (let number = 0; number < PROCESSES; number++) {
      this.#lock = lock(join(folder, String(number)))
      if (this.#lock !== undefined) return number
    }
    throw new Error(`${PROCESSES} processes of tests run on this machine, or others' files are in ${folder}`)
  }
}

/** Undefined where another process has it. */
function lock(path: string): DatabaseSync | undefined {
  const file = new DatabaseSync(path, { timeout: 0 })
  try {
    file.exec('BEGIN EXCLUSIVE')
    return file
  } catch {
    file.close()
    return undefined
  }
}

export const addresses = new Addresses()
