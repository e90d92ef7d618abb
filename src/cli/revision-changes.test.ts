import { expect } from 'chai'
import type { Revision } from '../../api/function.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { changedFields } from './revision-changes.ts'

const aRevision = (spec: Partial<Revision['spec']> = {}, labels = {}): Revision => ({
  ...{ revision: 1, labels, annotations: {}, createdAt: '2026-01-01T00:00:00.000Z' },
  spec: { ...aFunction().spec, ...spec }
})

describe('what is new in a revision', () => {
  it('is what differs of its spec, its labels and its annotations', () => {
    const after = aRevision({ image: 'b:2', env: { A: '1' }, envProcess: 'cat' }, { tier: 'web' })
    expect(changedFields(aRevision(), after)).to.deep.equal(['env', 'envProcess', 'image', 'labels'])
    expect(changedFields(after, aRevision())).to.deep.equal(['env', 'envProcess', 'image', 'labels'])
  })

  it('is not the number of replicas, and nothing of the oldest one', () => {
    expect(changedFields(aRevision({ replicas: 1 }), aRevision({ replicas: 2 }))).to.deep.equal([])
    expect(changedFields(undefined, aRevision())).to.deep.equal([])
  })
})
