export interface Tally {
  readonly passed: number
  readonly failed: number
  /** Ended badly though no test failed: it counts as one failure. */
  readonly broke?: boolean
}

/** What one run of mocha counts as, from the stats that it wrote, if it lived to write them, and its exit code. */
export function tallyOf(stats: string | undefined, code: number): Tally {
  if (stats === undefined) return { passed: 0, failed: 1, broke: true }
  const { passes, failures } = JSON.parse(stats) as { passes: number; failures: number }
  const broke = code !== 0 && failures === 0
  return { passed: passes, failed: broke ? 1 : failures, broke }
}

export function sum(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.reduce((total, { failed }) => total + failed, 0)
  }
}
