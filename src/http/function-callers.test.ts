import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { createOrigins } from './client-address.ts'
import { createFunctionCallers, type FunctionCallersDeps } from './function-callers.ts'

const [FUNCTION, CLOSED, STRANGER, PROXY] = ['10.62.0.2', '10.62.9.2', '198.51.100.7', '127.0.0.1']

/** By a connection from there, on behalf of those whom the header names. */
const from = (remoteAddress: string, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  }) as unknown as IncomingMessage

function callers(mayCall: FunctionCallersDeps['mayCall'], trusted = [`${PROXY}/32`]) {
  return createFunctionCallers({
    mayCall,
    isFunction: address => address === FUNCTION || address === CLOSED,
    isClosed: address => address === CLOSED,
    wayOf: createOrigins(trusted).wayOf
  })
}

const [directly, byProxy] = [(who: string) => from(who), (who: string) => from(PROXY, who)]

describe('what functions may ask of the gateway', () => {
  for (const [way, by] of [
    ['directly', directly],
    ['by a proxy of the host that is trusted', byProxy]
  ] as const) {
    const seen = (mayCall: FunctionCallersDeps['mayCall'], who: string) => {
      const { mayNotCall, mayNotUseApi } = callers(mayCall)
      return [mayNotCall(by(who)), mayNotUseApi(by(who))]
    }

    it(`S8: is what FUNCTIONS_MAY_CALL says, ${way}`, () => {
      expect(seen('nothing', FUNCTION)).to.deep.equal([true, true])
      expect(seen('functions', FUNCTION)).to.deep.equal([false, true])
      expect(seen('everything', FUNCTION)).to.deep.equal([false, false])
      expect(seen('nothing', STRANGER)).to.deep.equal([false, false])
    })

    it(`S9: is nothing with the egress none, ${way}`, () => {
      for (const mayCall of ['nothing', 'functions', 'everything'] as const) {
        expect(seen(mayCall, CLOSED), mayCall).to.deep.equal([true, true])
      }
    })
  }

  it('S8: is as little when the function names somebody before it, as whom a trusted network may let it speak', () => {
    const { mayNotCall } = callers('nothing', ['127.0.0.0/8', '10.0.0.0/8'])
    expect(mayNotCall(from(PROXY, `${STRANGER}, ${FUNCTION}`))).to.equal(true)
    expect(mayNotCall(from(FUNCTION, STRANGER))).to.equal(true)
  })

  it('S8: is not for a stranger to lose by naming a function where nobody is believed', () => {
    expect(callers('nothing', []).mayNotCall(from(STRANGER, FUNCTION))).to.equal(false)
  })

  it('S8, S9: ends connections of those that may do nothing', () => {
    const ended = (mayCall: FunctionCallersDeps['mayCall']) =>
      [FUNCTION, CLOSED, STRANGER, undefined].map(callers(mayCall).mayNotConnect)
    expect(ended('nothing')).to.deep.equal([true, true, false, false])
    expect(ended('functions')).to.deep.equal([false, true, false, false])
    expect(ended('everything')).to.deep.equal([false, true, false, false])
  })
})
