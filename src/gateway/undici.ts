import { createRequire } from 'node:module'
import type { Client as ClientClass, Pool as PoolClass } from 'undici'

const require = createRequire(import.meta.url)

/** Of undici these two alone: its main file loads fetch, WebSocket and caches as well, 8 MiB that an idle gateway would hold. */
export const Client = require('undici/lib/dispatcher/client.js') as typeof ClientClass
export const Pool = require('undici/lib/dispatcher/pool.js') as typeof PoolClass
