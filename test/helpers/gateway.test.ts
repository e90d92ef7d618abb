import { expect } from 'chai'
import { TestGateway } from './gateway.ts'

describe('the gateway of a test', () => {
  it('is all in this process, so that the test sees what it logs, unless the test wants workers', async () => {
    const gateway = await TestGateway.start()
    try {
      expect(await gateway.metrics()).to.match(/^faas_workers 0$/m)
    } finally {
      await gateway.close()
    }
  })
})
