import { compiled } from './compiler.ts'

export interface ShimOptions {
  /** Only files in it are looked at; an absolute path without links in it. */
  readonly folder: string
  /** Where to write down what is done to them. */
  readonly journal?: string
  /** The socket of who is asked before each commit. */
  readonly gate?: string
}

/** Variables that put a program's disk under the shim of disk-shim.c, which is compiled when it has changed. */
export function shimEnv({ folder, journal, gate }: ShimOptions): Record<string, string> {
  return {
    LD_PRELOAD: compiled('disk-shim.c', ['-shared', '-fPIC']),
    SHIM_FOLDER: folder,
    ...(journal === undefined ? {} : { SHIM_JOURNAL: journal }),
    ...(gate === undefined ? {} : { SHIM_GATE: gate })
  }
}
