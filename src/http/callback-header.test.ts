import { expect } from 'chai'
import { withoutCallbackLogin } from './callback-header.ts'

describe('header of the callback', () => {
  it('goes to the function without user and password, and all else as it came', () => {
    const head = [
      'Host',
      'gw',
      'x-Callback-URL',
      'http://admin:s3cret@gw.internal:8080/function/next?a=b',
      'X-A',
      'http://u:p@a/'
    ]
    const changed = [...head.slice(0, 3), 'http://gw.internal:8080/function/next?a=b', ...head.slice(4)]
    expect(withoutCallbackLogin(head)).to.deep.equal(changed)
    const plain = ['X-Callback-Url', 'HTTP://gw.internal']
    expect(withoutCallbackLogin(plain)).to.deep.equal(plain)
  })
})
