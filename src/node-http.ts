import type * as NodeHttp from 'node:http'

/**
 * `node:http` as CommonJS has it. An import of it reads all that it exports, and so loads WebSocket and all of fetch: 14 MiB
 * in Node 26, which an idle gateway would hold.
 */
export const http: typeof NodeHttp = process.getBuiltinModule('node:http')
