import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '../config/config.ts'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import { createOrigins } from '../http/client-address.ts'
import { createFunctionCallers, type FunctionCallers } from '../http/function-callers.ts'
import { createFunctionPeers } from '../http/function-peers.ts'

interface CallersDeps {
  readonly config: Pick<Config, 'FUNCTIONS_MAY_CALL' | 'FUNCTIONS_SUBNET_POOL' | 'TRUST_PROXY'>
  readonly closedNetworks: Pick<ClosedNetworks, 'has'>
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** The API, but for functions that may not use it. */
export function refuseFunctions(api: Handler, { mayNotUseApi }: FunctionCallers): Handler {
  return (req, res) => {
    if (!mayNotUseApi(req)) return api(req, res)
    res.writeHead(403, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
    res.end(
      'functions may not use the API of the gateway, unless it runs with FUNCTIONS_MAY_CALL=everything ' +
        'and their egress is not none\n'
    )
  }
}

/** What the configuration lets functions ask of the gateway. */
export function assembleCallers({ config, closedNetworks }: CallersDeps): FunctionCallers {
  return createFunctionCallers({
    mayCall: config.FUNCTIONS_MAY_CALL,
    isFunction: createFunctionPeers(config.FUNCTIONS_SUBNET_POOL),
    isClosed: address => closedNetworks.has(address),
    wayOf: createOrigins(config.TRUST_PROXY).wayOf
  })
}
