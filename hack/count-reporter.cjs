/** Mocha's `spec`, which also writes how many tests passed and failed to the file that COUNT_FILE names. */
const { writeFileSync } = require('node:fs')
const { reporters, Runner } = require('mocha')

module.exports = class CountReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      if (process.env.COUNT_FILE) writeFileSync(process.env.COUNT_FILE, JSON.stringify(this.stats))
    })
  }
}
