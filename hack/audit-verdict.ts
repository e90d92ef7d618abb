interface Report {
  readonly metadata?: { readonly vulnerabilities?: Readonly<Record<string, number>> }
  readonly message?: string
  readonly error?: { readonly summary?: string }
}

/** What to say of the output of `npm audit --json`, and whether something has to be done. */
export function verdictOf(output: string): { readonly text: string; readonly isBad: boolean } {
  const report = parse(output)
  const counts = report.metadata?.vulnerabilities
  if (counts === undefined) {
    const why = report.message ?? report.error?.summary ?? 'it did not answer'
    return { text: `Not audited: the registry could not be asked (${why}).`, isBad: false }
  }
  const { high = 0, critical = 0, total = 0 } = counts
  return {
    text: `${total} known vulnerabilities, of which ${high} high and ${critical} critical.`,
    isBad: high + critical > 0
  }
}

function parse(output: string): Report {
  try {
    return JSON.parse(output) as Report
  } catch {
    return {} // npm says what went wrong in words, if at all
  }
}
