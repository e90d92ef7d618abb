import { expect } from 'chai'
import { foreignOrigin, isAllowedOrigin, isOfFunctionPage } from './origin.ts'

const PAGE = 'https://page.example'
const BASIC = { authorization: 'Basic YWRtaW46eA==' }
const BEARER = { authorization: 'Bearer abc' }

describe('foreignOrigin', () => {
  const host = 'faas.example:8080'
  const cases: [what: string, headers: Record<string, string>, allowed: string[], foreign: string | undefined][] = [
    ['curl and faas-cli, which send neither header', { ...BASIC }, [], undefined],
    ['a page of another site', { origin: PAGE, ...BASIC }, [], PAGE],
    ['the same with fetch metadata', { origin: PAGE, 'sec-fetch-site': 'cross-site' }, [], PAGE],
    ['a page of the same site but another origin', { origin: PAGE, 'sec-fetch-site': 'same-site' }, [], PAGE],
    ['a page that hides where it is from', { origin: 'null', ...BASIC }, [], 'null'],
    ['a request with no more than fetch metadata', { 'sec-fetch-site': 'cross-site' }, [], 'another site'],
    ['our own page', { origin: 'https://faas.example:8080' }, [], undefined],
    ['our own page behind a proxy that changed Host', { origin: PAGE, 'sec-fetch-site': 'same-origin' }, [], undefined],
    ['what a person typed', { 'sec-fetch-site': 'none' }, [], undefined],
    ['another port of our host', { origin: 'https://faas.example' }, [], 'https://faas.example'],
    ['a name that ends in ours', { origin: 'https://evil-faas.example:8080' }, [], 'https://evil-faas.example:8080'],
    ['no URL', { origin: 'faas.example:8080' }, [], 'faas.example:8080'],
    ['a page that is named', { origin: PAGE, 'sec-fetch-site': 'cross-site', ...BASIC }, [PAGE], undefined],
    ['a page that is named in other case', { origin: PAGE, ...BASIC }, ['https://PAGE.example'], undefined],
    ['one that only begins like it', { origin: `${PAGE}.evil` }, [PAGE], `${PAGE}.evil`],
    ['any page with a token of its own', { origin: PAGE, ...BEARER }, ['*'], undefined],
    ['any page with what the browser keeps', { origin: PAGE, ...BASIC }, ['*'], PAGE],
    ['any page with a cookie', { origin: PAGE, cookie: 'a=b' }, ['*'], PAGE],
    ['any page where nobody is asked', { origin: PAGE }, ['*'], undefined]
  ]
  for (const [what, headers, allowed, foreign] of cases) {
    it(`S38: ${foreign === undefined ? 'passes' : 'refuses'} ${what}, with ${allowed.join() || 'none'} allowed`, () => {
      expect(foreignOrigin('POST', { host, ...headers }, allowed)).to.equal(foreign)
      expect(foreignOrigin('GET', { host, ...headers }, allowed), 'reads').to.equal(undefined)
    })
  }

  it('S38: takes the usual port for none', () => {
    expect(foreignOrigin('PUT', { host: 'a.example:443', origin: 'https://a.example' }, [])).to.equal(undefined)
    expect(foreignOrigin('PUT', { host: 'a.example:443', origin: 'http://a.example' }, [])).to.equal('http://a.example')
    expect(foreignOrigin('PUT', { origin: 'http://a.example' }, [])).to.equal('http://a.example')
  })
})

describe('isAllowedOrigin', () => {
  it('S38: allows nobody by default, and knows who was named from who is anybody', () => {
    expect(isAllowedOrigin(PAGE, [])).to.equal(undefined)
    expect(isAllowedOrigin(PAGE, ['*'])).to.equal('any')
    expect(isAllowedOrigin(PAGE, ['*', PAGE])).to.equal('named')
  })
})

describe('isOfFunctionPage', () => {
  const host = 'faas.example'
  const own = { host, origin: 'https://faas.example' }
  const cases: [what: string, headers: Record<string, string>, isOf: boolean][] = [
    ['a script of our own origin', { host, 'sec-fetch-site': 'same-origin', ...BASIC }, true],
    ['one that an old browser only gives an Origin', { ...own, ...BASIC }, true],
    ['a script with a token that it brings', { ...own, 'sec-fetch-site': 'same-origin', ...BEARER }, false],
    ['a script without credentials', { ...own, 'sec-fetch-site': 'same-origin' }, false],
    ['what a person typed', { host, 'sec-fetch-site': 'none', ...BASIC }, false],
    ['curl and faas-cli', { host, ...BASIC }, false],
    ['a page of another origin, which is looked at elsewhere', { host, origin: PAGE, ...BASIC }, false]
  ]
  for (const [what, headers, isOf] of cases) {
    it(`S36: ${isOf ? 'knows' : 'passes'} ${what}`, () => expect(isOfFunctionPage(headers)).to.equal(isOf))
  }
})
