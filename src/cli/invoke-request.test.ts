import { expect } from 'chai'
import { type CallOptions, toCallRequest } from './invoke-request.ts'

const FN = { name: 'echo', namespace: 'openfaas-fn' }
const to = (options: Partial<CallOptions> = {}) =>
  toCallRequest(FN, { header: [], query: [], async: false, ...options })

describe('the request of invoke', () => {
  it('is what faas-cli sends: a POST of text with the namespace in the path', () => {
    expect(to()).to.deep.equal({
      method: 'POST',
      path: '/function/echo.openfaas-fn',
      headers: { 'content-type': 'text/plain' }
    })
    expect(to({ async: true }).path).to.equal('/async-function/echo.openfaas-fn')
  })

  const paths: [options: Partial<CallOptions>, path: string][] = [
    [{ path: '/a/b' }, '/a/b'],
    [{ path: 'a' }, '/a'],
    [{ path: '?x=1' }, '?x=1'],
    [{ path: '/a%2Fb/é x' }, '/a%2Fb/%C3%A9%20x'],
    [{ query: ['a=1', 'b=x y&z', 'c', 'd=e=f'] }, '?a=1&b=x+y%26z&c=&d=e%3Df'],
    [{ path: '/p?q=1', query: ['r=2'] }, '/p?q=1&r=2']
  ]
  for (const [options, path] of paths) {
    it(`goes to ${path} for ${JSON.stringify(options)}`, () => {
      expect(to(options).path).to.equal(`/function/echo.openfaas-fn${path}`)
    })
  }

  it('takes headers with ":" and, as older versions of faas-cli did, with "="', () => {
    const header = ['Accept: text/html', 'X-A=1', 'x-url: http://a/?b=c', 'Accept: */*', 'X-Empty:']
    expect(to({ header }).headers).to.deep.equal({
      'content-type': 'text/plain',
      accept: 'text/html, */*',
      'x-a': '1',
      'x-url': 'http://a/?b=c',
      'x-empty': ''
    })
    expect(to({ header: ['Content-Type: a/b'], contentType: 'c/d' }).headers['content-type']).to.equal('a/b')
    expect(to({ contentType: 'c/d' }).headers['content-type']).to.equal('c/d')
  })

  it('names where the answer of an asynchronous call goes', () => {
    expect(to({ async: true, callback: 'http://a' }).headers['x-callback-url']).to.equal('http://a')
  })

  const wrong: [options: Partial<CallOptions>, message: RegExp][] = [
    [{ method: 'BREW' }, /--method must be one of GET/],
    [{ async: true, method: 'PUT' }, /asynchronous call is a POST/],
    [{ callback: 'http://a' }, /--callback goes with --async/],
    [{ header: ['no header'] }, /-H must be/],
    [{ header: ['a: b\r\nc: d'] }, /-H must be/],
    [{ header: ['x-name: Ł'] }, /^x-name holds characters that no header can/],
    [{ contentType: 'a\nb' }, /^content-type holds/],
    [{ async: true, callback: 'http://a/\u{1f600}' }, /^x-callback-url holds/],
    [{ path: '/a#b' }, /fragment/]
  ]
  for (const [options, message] of wrong) {
    it(`is refused for ${JSON.stringify(options)}`, () => {
      expect(() => to(options)).to.throw(message)
    })
  }
})
