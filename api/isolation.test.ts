import { expect } from 'chai'
import { egressOf, type IsolationRules, levelOf, userViolation, violationsOf } from './isolation.ts'

const RULES: IsolationRules = {
  ...{ levelDefault: 'baseline', levels: { payments: 'restricted' }, runtimes: ['runsc'] },
  image: { registries: [], digestRequired: false }
}
const EGRESS = 'com.docker-faas.egress'
const RUNTIME = 'com.docker-faas.runtime'

function said(over: { namespace?: string; annotations?: Record<string, string>; debug?: boolean }): string[] {
  const fn = { namespace: 'openfaas-fn', annotations: {}, image: 'hello:1', debug: false, ...over }
  return violationsOf(fn, RULES).map(({ kind, field, message }) => `${kind} ${field}: ${message}`)
}

describe('what is asked of the functions of a namespace', () => {
  it('is what the namespace has, else the default', () => {
    expect(levelOf(RULES, 'payments')).to.equal('restricted')
    expect(['openfaas-fn', '__proto__', 'constructor'].map(name => levelOf(RULES, name))).to.not.include('restricted')
    expect(levelOf({ ...RULES, levelDefault: 'restricted' }, 'x')).to.equal('restricted')
  })

  it('S9: closes the way out in a restricted one, unless the function asks for a part of it', () => {
    expect(egressOf({}, 'baseline')).to.equal('open')
    expect(egressOf({}, 'restricted')).to.equal('none')
    expect(egressOf({ [EGRESS]: 'internal' }, 'restricted')).to.equal('internal')
    expect(egressOf({ [EGRESS]: 'none' }, 'baseline')).to.equal('none')
  })

  it('S9: refuses an egress that is none, and an open one where that is closed', () => {
    expect(said({ annotations: { [EGRESS]: 'open' } })).to.deep.equal([])
    expect(said({ annotations: { [EGRESS]: 'all' } })).to.deep.equal([
      `invalid annotations: ${EGRESS} must be open, internal, none, got "all"`
    ])
    expect(said({ namespace: 'payments', annotations: { [EGRESS]: 'open' } })).to.deep.equal([
      `invalid annotations: ${EGRESS} must be internal, none in the restricted namespace payments, got "open"`
    ])
  })

  it('S14: lets functions ask for the runtimes that are allowed', () => {
    expect(said({ annotations: { [RUNTIME]: 'runsc' } })).to.deep.equal([])
    expect(said({ annotations: { [RUNTIME]: 'nvidia' } })).to.deep.equal([
      `invalid annotations: ${RUNTIME} must be one of RUNTIMES_ALLOWED, which names runsc, got "nvidia"`
    ])
  })

  it('has no debug ports where they are not allowed, or would lead nowhere', () => {
    expect(said({ debug: true })).to.deep.equal([])
    expect(said({ debug: true, namespace: 'payments' })[0]).to.contain('invalid debug: must be false')
    expect(said({ debug: true, annotations: { [EGRESS]: 'internal' } })[0]).to.contain('publishes no ports')
  })

  it('S3: is a user that cannot be root', () => {
    expect(['1000', '65532:65532', '1000:0', '1'].map(user => userViolation(user))).to.deep.equal(
      Array(4).fill(undefined)
    )
    for (const user of ['', '0', '00', '0:1000', 'root', 'app', 'app:app', ':1000', '-1', '1e3', '0x0']) {
      expect(userViolation(user), user).to.contain('must be a number other than 0')
    }
  })
})
