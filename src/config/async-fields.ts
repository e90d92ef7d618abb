import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { bytes, duration, field, integer, list } from './field.ts'
import { HOUR_MS, MAX_COUNT, SECOND_MS, YEAR_MS } from './units.ts'

const HOST = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

const callbackTargets = list(parseTarget, {
  unit: 'list of hosts and CIDRs',
  allowed: 'names of hosts and networks with commas between them, such as hooks.internal,*.team.internal,10.0.0.0/8',
  example: 'hooks.internal,10.0.0.0/8'
})

function parseTarget(text: string): string | undefined {
  const lower = text.toLowerCase()
  if (isIP(text) !== 0) return `${text}/${isIP(text) === 4 ? 32 : 128}`
  // What looks like an address and is none of the usual form would be a host that never matches.
  if (lower.includes('/')) return ipaddr.isValidCIDR(lower) && isIP(lower.split('/')[0] ?? '') !== 0 ? lower : undefined
  return HOST.test(lower) && !/^[\d.]+$/.test(lower) ? lower : undefined
}

/** Asynchronous calls: how many may wait, how they are carried out, and where their results may go. */
export const asyncFields = {
  ASYNC_BODY_MAX: field(
    bytes('1Ki'),
    '1Mi',
    'Most bytes in the body of an asynchronous call, and of an answer that a callback gets'
  ),
  ASYNC_QUEUE_MAX: field(
    integer(1, 10 * MAX_COUNT),
    '100000',
    'Most asynchronous calls of one function that have not ended'
  ),
  ASYNC_QUEUE_BYTES: field(
    bytes('1Mi'),
    '1Gi',
    'Most bytes that are kept of all asynchronous calls that have not ended, half of them of one function; and as many of all dead letters'
  ),
  ASYNC_CONCURRENCY: field(integer(1, 10_000), '100', 'Most asynchronous calls that are carried out at a time'),
  ASYNC_FUNCTION_CONCURRENCY: field(
    integer(1, 10_000),
    '10',
    'The same of one function that has no annotation com.docker-faas.async.concurrency'
  ),
  ASYNC_RETENTION: field(
    duration(SECOND_MS, YEAR_MS),
    '1h',
    'How long asynchronous calls that went well are remembered'
  ),
  ASYNC_DEAD_RETENTION: field(duration(SECOND_MS, YEAR_MS), '168h', 'How long dead letters are kept'),
  ASYNC_KEPT_MAX: field(integer(0, MAX_COUNT), '10000', 'Most of either that are kept; the oldest go first'),
  CALLBACK_ALLOWED: field(
    callbackTargets,
    '',
    'Hosts and networks that callbacks may go to though they are not on the Internet'
  ),
  CALLBACK_TIMEOUT: field(duration(100, HOUR_MS), '10s', 'How long one attempt of a callback may take'),
  CALLBACK_ATTEMPTS: field(
    integer(1, 100),
    '8',
    'How often a callback is tried, with 1s, 2s, 4s and so on between, up to 5m'
  )
} as const
