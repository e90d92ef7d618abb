export interface Tally {
  readonly passed: number
  /** What failed, in words. */
  readonly failures: readonly string[]
}

/** What one run of mocha counts as: what it wrote at its end, if it lived to, and one failure if it ended badly otherwise. */
export function tallyOf(share: string, written: string | undefined, code: number): Tally {
  if (written === undefined) return { passed: 0, failures: [`${share}: ended with code ${code} before its summary`] }
  const { passed, failures } = JSON.parse(written) as Tally
  if (code !== 0 && failures.length === 0)
    return { passed, failures: [`${share}: ended with code ${code} after its summary`] }
  return { passed, failures: failures.map(failure => `${share}: ${failure}`) }
}

export function sum(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failures: tallies.flatMap(({ failures }) => failures)
  }
}
