/**
 * Asks the registry about known vulnerabilities of what is shipped. Code 1 when there is one of severity high or critical; a registry
 * that does not answer, or that offers no audit, is told, and is no failure.
 */

import { verdictOf } from './audit-verdict.ts'
import { run } from './command.ts'

const { output } = await run('npm', ['audit', '--omit=dev', '--json', '--loglevel=silent'])
const { text, isBad } = verdictOf(output)
console.log(text)
if (isBad) process.exitCode = 1
