import { execFileSync } from 'node:child_process'
import { accessSync, closeSync, constants, ftruncateSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

const SIZE_BYTES = 32 * 1024 * 1024

/** A file system of 32 MiB (ext4 in a file) that may fail like a disk. Needs root on Linux. */
export class SmallDisk {
  /** Where it is mounted. */
  readonly path: string
  readonly #home: string

  private constructor(home: string) {
    this.#home = home
    this.path = join(home, 'mounted')
  }

  static async create(): Promise<SmallDisk> {
    const disk = new SmallDisk(await mkdtemp(join(tmpdir(), 'docker-faas-disk-')))
    const file = openSync(disk.#file, 'w')
    ftruncateSync(file, SIZE_BYTES)
    closeSync(file)
    await mkdir(disk.path)
    execFileSync('mkfs.ext4', ['-q', disk.#file])
    disk.#mount()
    return disk
  }

  /** From now on nothing can be written, as when the kernel gives up on a disk; files that are open stay so. */
  breakDown(): void {
    execFileSync('mount', ['-o', 'remount,abort', this.path])
  }

  /** Somebody repairs it: its files must be closed. */
  async repair(): Promise<void> {
    execFileSync('umount', [this.path])
    // The kernel may let go of the file only a moment later, and mount it to be read only until then.
    await eventually(() => {
      // e2fsck ends with 1 when it mended something.
      execFileSync('sh', ['-c', 'e2fsck -p "$0" || test $? -eq 1', this.#file], { stdio: 'ignore' })
      this.#mount()
      try {
        accessSync(this.path, constants.W_OK)
      } catch (err) {
        execFileSync('umount', [this.path])
        throw err
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync('umount', ['--lazy', this.path])
    await rm(this.#home, { recursive: true })
  }

  get #file(): string {
    return join(this.#home, 'image')
  }

  #mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#file, this.path])
  }
}
