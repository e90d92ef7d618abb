import { expect } from 'chai'
import fc from 'fast-check'
import { parseFunctionUrl } from './function-url.ts'

describe('parseFunctionUrl', () => {
  const good: [url: string, namespace: string, name: string, path: string][] = [
    ['/function/hello', 'openfaas-fn', 'hello', '/'],
    ['/function/hello/', 'openfaas-fn', 'hello', '/'],
    ['/function/hello?a=1', 'openfaas-fn', 'hello', '/?a=1'],
    ['/function/hello/?a=1', 'openfaas-fn', 'hello', '/?a=1'],
    ['/function/hello.team-a/x/y?a=/../b', 'team-a', 'hello', '/x/y?a=/../b'],
    ['/function/hello.openfaas-fn', 'openfaas-fn', 'hello', '/'],
    ['/function/My_Func-1/a%2Fb', 'openfaas-fn', 'My_Func-1', '/a%2Fb'],
    ['/function/hello.a.b/x', 'a.b', 'hello', '/x'],
    ['/function/My.Old_Func', 'Old_Func', 'My', '/'],
    ['/function/hello//double', 'openfaas-fn', 'hello', '//double'],
    ['/function/hello/a..b/...', 'openfaas-fn', 'hello', '/a..b/...'],
    ['/function/hello/%ff', 'openfaas-fn', 'hello', '/%ff']
  ]
  for (const [url, namespace, name, path] of good) {
    it(`leads ${url} to ${namespace}/${name}${path}`, () => {
      expect(parseFunctionUrl(url)).to.deep.equal({ namespace, name, path })
    })
  }

  for (const url of [
    '/function',
    '/function/',
    '/function//',
    '/function//hello',
    '/function/?a',
    '/function/..',
    '/function/../system/functions',
    '/function/hello/..',
    '/function/hello/../other',
    '/function/hello/%2e%2e/other',
    '/function/hello/.%2E/other',
    '/function/hello/x%2f..%2fother',
    '/function/hello/x\\..\\other',
    '/function/hello%2fother',
    '/function/hello%00',
    '/function/hello/%00',
    '/function/hello/\0',
    '/function/hello/a b',
    '/function/hello/#x',
    '/function/h%C3%A9llo',
    '/function/héllo',
    '/function/-hello',
    '/function/.hello',
    '/function/hello.',
    '/function/hello.a.',
    '/function/hello..a',
    `/function/${'a'.repeat(129)}`,
    `/function/a.${'b'.repeat(129)}`,
    '/functions/hello',
    '/FUNCTION/hello',
    'http://host/function/hello'
  ]) {
    it(`X15: leads ${JSON.stringify(url.slice(0, 40))} nowhere`, () => {
      expect(parseFunctionUrl(url)).to.equal(undefined)
    })
  }

  it('X15: never gives a name with a separator in it, or a path that leaves the function', () => {
    const piece = fc.constantFrom(
      'a',
      'b-c',
      '.',
      '..',
      '/',
      '\\',
      '%2f',
      '%2e',
      '%2E',
      '%5c',
      '%00',
      '?',
      '#',
      'é',
      '_',
      '%'
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        const target = parseFunctionUrl(`/function/${pieces.join('')}`)
        if (target === undefined) return
        expect(target.name).to.match(/^[a-zA-Z0-9][a-zA-Z0-9_-]*$/)
        expect(target.namespace).to.match(/^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/)
        const [path = ''] = target.path.split('?')
        const segments = path
          .replaceAll(/%2f|%5c|\\/gi, '/')
          .replaceAll(/%2e/gi, '.')
          .split('/')
        expect(segments).not.to.include('..')
        expect(target.path.startsWith('/')).to.equal(true)
      }),
      { numRuns: 5000 }
    )
  })
})
