import { registerHooks } from 'node:module'

/**
 * Parts of packages that nothing here ever uses, by the package that would load them. Whoever imports this module is without
 * them from then on: it is the first import of each process of the program, and of a test run. A module that is left out exports
 * nothing, so who imports a name of it fails when it is loaded; one of CommonJS is a function that throws.
 */
export const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  // Databases other than SQLite.
  '@mikro-orm/sql': /^\.\/(mssql|mysql|oracledb|postgresql)\/index\.js$/,
  kysely: /^\.\/dialect\/(mssql|mysql|pglite|postgres)\//,
  // Log files that are moved away when they are full.
  bunyan: /^mv$/,
  // SSH transport and BuildKit sessions, with ssh2, gRPC and protobufjs.
  'docker-modem': /^\.\/ssh$/,
  dockerode: /^\.\/session$/,
  // Exemplars.
  'prom-client': /^@opentelemetry\/api$/,
  // Limits that are counted elsewhere than in memory.
  'rate-limiter-flexible': /^\.\/lib\/(?!RateLimiterMemory|RateLimiterRes)/,
  // HTTP/2.
  undici: /^\.\/client-h2\.js$/,
  // Messages in 50 languages: English is loaded by its own name.
  zod: /^\.\.\/locales\/index\.js$/
}

const SCHEME = 'left-out:'
const PACKAGE = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//

registerHooks({
  resolve: (specifier, context, next) => {
    const asking = PACKAGE.exec(context.parentURL ?? '')?.[1] ?? ''
    if (LEFT_OUT[asking]?.test(specifier) !== true) return next(specifier, context)
    const format = context.conditions.includes('require') ? 'commonjs' : 'module'
    return { url: `${SCHEME}${asking}/${specifier}`, format, shortCircuit: true }
  },
  load: (url, context, next) => {
    if (!url.startsWith(SCHEME)) return next(url, context)
    const { format } = context
    return { format, source: format === 'module' ? 'export {}' : throwing(url), shortCircuit: true }
  }
})

function throwing(url: string): string {
  return `module.exports = () => { throw new Error(${JSON.stringify(`${url}, see src/left-out.ts`)}) }`
}
