import { expect } from 'chai'
import { aFunction } from '../test/helpers/builders.ts'
import { LABEL } from './labels.ts'
import { parseRecord, parseVersion, recordLabel, versionLabel } from './record.ts'

describe('what is written down on a container', () => {
  it('is read back as it was', () => {
    const { metadata, spec } = aFunction({ labels: { a: 'b' }, annotations: { c: 'd' }, env: { E: 'f' }, replicas: 3 })
    const { labels, annotations } = metadata
    expect(parseRecord(recordLabel(aFunction({ ...spec, labels, annotations })))).to.deep.equal({
      labels,
      annotations,
      spec
    })
    expect(parseVersion(versionLabel(17))).to.equal(17)
  })

  it('has the defaults of fields that the release which wrote it did not know', () => {
    const record = parseRecord({ [LABEL.spec]: '{"labels":{},"spec":{"image":"hello:1"}}' })
    expect(record).to.deep.equal({ labels: {}, annotations: {}, spec: aFunction().spec })
  })

  it('is nothing when it is missing or cannot be read', () => {
    expect([parseRecord({}), parseRecord({ [LABEL.spec]: 'spec' })]).to.deep.equal([undefined, undefined])
    expect([parseVersion({}), parseVersion({ [LABEL.resourceVersion]: 'new' })]).to.deep.equal([0, 0])
  })
})
