import * as z from 'zod'
import type { Operation } from '../route.ts'

const NAME = 'the name of the function, or <name>.<namespace>'
const REST = 'the path that the function sees, slashes among it'
const SCHEMA = z.string()
const CALL_ID = { name: 'X-Call-Id', about: 'what the call is known by; made up when left out', schema: SCHEMA }
const CALLBACK = { name: 'X-Callback-Url', about: 'where the answer of the function is sent', schema: z.url() }

const CALL = {
  scope: 'invoke',
  namespace: 'path',
  head: [CALL_ID],
  answers: { 200: { about: 'what the function answers, and with any status', type: '*/*', schema: 'AnyAnswer' } },
  errors: [400, 408, 413, 502, 504, 508]
} as const
const ASYNC_CALL = {
  method: 'post',
  scope: 'invoke',
  namespace: 'path',
  head: [CALL_ID, CALLBACK],
  answers: { 202: { about: 'written down; X-Call-Id names it', type: '' } },
  errors: [400, 408, 413, 415]
} as const

/** The calls of functions, which the data plane takes before any route. */
export const CALLS: readonly Operation[] = [
  ...(['get', 'post', 'put', 'patch', 'delete'] as const).flatMap((method): Operation[] => [
    {
      ...CALL,
      method,
      path: '/function/:name',
      inPath: { name: NAME },
      summary: 'Call a function'
    },
    {
      ...CALL,
      method,
      path: '/function/:name/:path',
      inPath: { name: NAME, path: REST },
      summary: 'Call a function with a path'
    }
  ]),
  {
    ...ASYNC_CALL,
    path: '/async-function/:name',
    inPath: { name: NAME },
    summary: 'Have a function called later, and as often as it takes'
  },
  {
    ...ASYNC_CALL,
    path: '/async-function/:name/:path',
    inPath: { name: NAME, path: REST },
    summary: 'Have a function called later with a path'
  }
]
