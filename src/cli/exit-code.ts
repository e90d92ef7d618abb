/**
 * What the process ends with. Stable: scripts may match on it; docs/cli.md and `--help` say the same. 1 is also the answer
 * of `diff` that there is a difference, so whatever fails there ends with more, as diff(1) has it. 78 (EX_CONFIG) is a
 * configuration of the gateway that is wrong.
 */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  unreachable: 5,
  timeout: 6,
  /** Of `invoke`: the function answered with a status of this class. */
  answered3xx: 13,
  answered4xx: 14,
  answered5xx: 15
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** For the end of `--help`. */
export const EXIT_CODES_HELP = [
  'Exit codes: 0 done, 1 failed (diff: different), 2 wrong usage or file, 3 not found, 4 credentials refused,',
  '5 no gateway answers, 6 timed out, 13 to 15 a function answered 3xx to 5xx, 78 wrong configuration of the gateway.'
].join('\n')

/** A command cannot do what it is asked for, and the message says why, to people. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exitCode: ExitCode
  constructor(message: string, exitCode: ExitCode = EXIT.failed, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The command line, or a file that it names, is wrong: nothing was asked of a gateway. */
export function usageError(message: string, options?: ErrorOptions): CliError {
  return new CliError(message, EXIT.usage, options)
}
