import { expect } from 'chai'
import { loadConfig } from '../config/load.ts'
import { ownUrl } from './own-url.ts'

describe('ownUrl', () => {
  const cases: [env: Record<string, string>, url: string][] = [
    [{}, 'http://127.0.0.1:8080'],
    [{ GATEWAY_ADDRESS: '::' }, 'http://[::1]:8080'],
    [{ GATEWAY_ADDRESS: 'fd00::7', GATEWAY_PORT: '1' }, 'http://[fd00::7]:1'],
    [{ GATEWAY_ADDRESS: '10.0.0.7' }, 'http://10.0.0.7:8080'],
    [{ TLS_CERT_FILE: '/c', TLS_KEY_FILE: '/k' }, 'https://127.0.0.1:8080']
  ]
  for (const [env, url] of cases) {
    it(`is ${url} for ${JSON.stringify(env)}`, () => {
      expect(ownUrl(loadConfig(env))).to.equal(url)
    })
  }
})
