import { expect } from 'chai'
import { LABEL } from './labels.ts'
import { createSigner, signedText } from './signature.ts'

const KEY = Buffer.alloc(32, 1)
const LABELS = { [LABEL.instance]: 'default', [LABEL.function]: 'hello', [LABEL.uid]: 'u', team: 'a' }
const BOND = { kind: 'container', imageId: 'sha256:a' } as const

describe('createSigner', () => {
  const signer = createSigner(KEY)
  const signed = signer.sign(LABELS, BOND)

  it('knows its own, whatever the order of labels and whatever else the user put there', () => {
    expect(signer.isGenuine(signed, BOND)).to.equal(true)
    const other = Object.fromEntries(Object.entries({ ...signed, team: 'b', more: 'x' }).reverse())
    expect(signer.isGenuine(other, BOND)).to.equal(true)
  })

  it('K11: knows no other key, label, image, kind, nor what has no signature', () => {
    expect(createSigner(Buffer.alloc(32, 2)).isGenuine(signed, BOND)).to.equal(false)
    for (const key of [LABEL.instance, LABEL.function, LABEL.uid, LABEL.ordinal, LABEL.spec, LABEL.resourceVersion]) {
      expect(signer.isGenuine({ ...signed, [key]: 'changed' }, BOND), key).to.equal(false)
    }
    expect(signer.isGenuine(signed, { kind: 'container', imageId: 'sha256:b' })).to.equal(false)
    expect(signer.isGenuine(signed, { kind: 'network', subnet: 'sha256:a' })).to.equal(false)
    expect(signer.isGenuine(signed, { kind: 'volume' })).to.equal(false)
    expect(signer.isGenuine(LABELS, BOND)).to.equal(false)
    expect(signer.isGenuine({ ...LABELS, [LABEL.signature]: '' }, BOND)).to.equal(false)
  })

  it('signs the same text in every release', () => {
    expect(signedText(LABELS, BOND)).to.equal(
      '{"bond":{"imageId":"sha256:a","kind":"container"},"labels":{"com.docker-faas.function":"hello",' +
        '"com.docker-faas.instance":"default","com.docker-faas.uid":"u"}}'
    )
  })
})
