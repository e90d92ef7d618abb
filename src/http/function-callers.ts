import type { IncomingMessage } from 'node:http'
import type { Origins } from './client-address.ts'

export interface FunctionCallersDeps {
  /** `FUNCTIONS_MAY_CALL`. */
  readonly mayCall: 'nothing' | 'functions' | 'everything'
  readonly isFunction: (address: string | undefined) => boolean
  /** Whether an address is on a network of a function with the egress `none`. */
  readonly isClosed: (address: string | undefined) => boolean
  readonly wayOf: Origins['wayOf']
}

/** What functions may ask of the gateway. */
export interface FunctionCallers {
  /** Whether this peer is a function that may not even connect. */
  readonly mayNotConnect: (peer: string | undefined) => boolean
  /** Whether the request comes from a function that may not call any, through a proxy that is trusted, too. */
  readonly mayNotCall: (req: IncomingMessage) => boolean
  /** The same, of the API. */
  readonly mayNotUseApi: (req: IncomingMessage) => boolean
}

/** NOTE: a proxy on the host makes the host of a function; one that is trusted says who is behind it. */
export function createFunctionCallers(deps: FunctionCallersDeps): FunctionCallers {
  const { mayCall, isFunction, isClosed, wayOf } = deps
  const mayNotConnect = (peer: string | undefined) => (mayCall === 'nothing' || isClosed(peer)) && isFunction(peer)
  const mayNotCall = (req: IncomingMessage) => wayOf(req).some(mayNotConnect)
  return {
    mayNotConnect,
    mayNotCall,
    mayNotUseApi: req => (mayCall === 'everything' ? mayNotCall(req) : wayOf(req).some(isFunction))
  }
}
