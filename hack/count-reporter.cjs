/** Mocha's `spec`, which also writes how many tests passed, and which failed of what, to the file that COUNT_FILE names. */
const { writeFileSync } = require('node:fs')
const { reporters, Runner } = require('mocha')

module.exports = class CountReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { COUNT_FILE } = process.env
      if (COUNT_FILE)
        writeFileSync(COUNT_FILE, JSON.stringify({ passed: this.stats.passes, failures: this.failures.map(tell) }))
    })
  }
}

function tell(test) {
  const [says = 'no error was given'] = test.err?.message?.split('\n') ?? []
  return `${test.fullTitle()}: ${says}`
}
