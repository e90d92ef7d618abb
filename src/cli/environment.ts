/** What a command gets of the process that it runs in. */
export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: { readonly isTTY?: boolean; write: (text: string) => unknown }
  readonly stderr: { write: (text: string) => unknown }
  /** Runs `stop` at the first SIGINT or SIGTERM; resolves when it is done. */
  readonly onSignal: (stop: (signal: string) => Promise<void>) => Promise<void>
}
