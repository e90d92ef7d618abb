import { createRequire, registerHooks } from 'node:module'
import type Docker from 'dockerode'

/**
 * What a Unix or TCP socket never needs: SSH transport and BuildKit sessions. With what they load (ssh2, gRPC,
 * protobufjs) they would be a fifth of the memory of an idle gateway.
 */
const UNUSED: readonly [parent: string, specifier: string][] = [
  ['docker-modem', './ssh'],
  ['dockerode', './session']
]
const ABSENT = 'dockerode-part:absent'

/** Dockerode without the parts that are not used here; calling one of those throws. */
export function loadDockerode(): typeof Docker {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      isUnused(specifier, context.parentURL) ? { url: ABSENT, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      url === ABSENT
        ? { format: 'commonjs', source: 'module.exports = () => { throw new Error("not loaded") }', shortCircuit: true }
        : next(url, context)
  })
  try {
    return createRequire(import.meta.url)('dockerode') as typeof Docker
  } finally {
    hooks.deregister()
  }
}

function isUnused(specifier: string, parent: string | undefined): boolean {
  return UNUSED.some(([name, unused]) => specifier === unused && parent?.includes(`/node_modules/${name}/`) === true)
}
