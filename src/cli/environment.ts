import type { Readable } from 'node:stream'

/** What a command gets of the process that it runs in. */
export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  /** Runs `stop` at the first SIGINT or SIGTERM; resolves when it is done. */
  readonly onSignal: (stop: (signal: string) => Promise<void>) => Promise<void>
}

export interface Input extends Readable {
  readonly isTTY?: boolean
  /** Of a terminal: whether it gives each key as it is pressed, and shows none. */
  setRawMode?(raw: boolean): unknown
}

export interface Output {
  readonly isTTY?: boolean
  /** Of a terminal. */
  readonly columns?: number
  /** False when the reader is behind; `once` tells when it has caught up. */
  write(text: string | Uint8Array): unknown
  once?(event: 'drain', listener: () => void): unknown
}
