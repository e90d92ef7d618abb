import { EventList, EventWatchLine } from '../event.ts'
import { LogMessage } from '../log-line.ts'
import * as alert from './alert.ts'
import * as audit from './audit.ts'
import * as document from './document.ts'
import * as functions from './function.ts'
import * as invocation from './invocation.ts'
import * as loop from './loop.ts'
import * as namespace from './namespace.ts'
import * as openfaas from './openfaas.ts'
import * as problem from './problem.ts'
import * as profile from './profile.ts'
import * as schedule from './schedule.ts'
import * as secret from './secret.ts'
import * as text from './text.ts'
import * as token from './token.ts'
import * as usage from './usage.ts'

/**
 * The schemas of all answers. Routes name them, and only who makes the OpenAPI document loads them: a gateway that nobody asks for
 * it would hold 1 MiB.
 */
export const ANSWERS = {
  ...{ EventList, EventWatchLine, LogMessage },
  ...alert,
  ...audit,
  ...document,
  ...functions,
  ...invocation,
  ...loop,
  ...namespace,
  ...openfaas,
  ...problem,
  ...profile,
  ...schedule,
  ...secret,
  ...text,
  ...token,
  ...usage
}

export type AnswerName = keyof typeof ANSWERS
