import { expect } from 'chai'
import { unknownSettings } from './setting-names.ts'

const told = (place: 'labels' | 'annotations', name: string) => {
  const metadata = { labels: {}, annotations: {}, [place]: { [name]: '1' } }
  return unknownSettings(metadata).map(({ field, message }) => `${field} ${message}`)
}

describe('unknownSettings', () => {
  it("says nothing of settings, and of what is nobody's setting", () => {
    for (const name of ['com.openfaas.scale.min', 'com.openfaas.scale.down.window', 'team', 'com.example.scale.min']) {
      expect(told('labels', name), name).to.deep.equal([])
    }
    const annotations = [
      'topic',
      'schedule',
      'com.openfaas.retry.codes',
      'com.docker-faas.egress',
      'com.openfaas.serviceaccount'
    ]
    for (const name of annotations) expect(told('annotations', name), name).to.deep.equal([])
  })

  it('names what a misspelt one is likely to mean', () => {
    expect(told('labels', 'com.openfaas.scale.mim')).to.deep.equal([
      'labels.com.openfaas.scale.mim is not known: did you mean com.openfaas.scale.min?'
    ])
    expect(told('annotations', 'com.docker-faas.egres')).to.deep.equal([
      'annotations.com.docker-faas.egres is not known: did you mean com.docker-faas.egress?'
    ])
  })

  it('names one that is in the place of the other kind, misspelt or not', () => {
    expect(told('annotations', 'com.openfaas.scale.max')).to.deep.equal([
      'annotations.com.openfaas.scale.max has no effect as an annotation: make it a label'
    ])
    expect(told('labels', 'com.openfaas.retry.atempts')).to.deep.equal([
      'labels.com.openfaas.retry.atempts is not known: did you mean an annotation com.openfaas.retry.attempts?'
    ])
  })

  it('names all of ours that are not known, and of OpenFaaS those only that are near', () => {
    expect(told('annotations', 'com.docker-faas.colour')).to.deep.equal([
      'annotations.com.docker-faas.colour is not known, and has no effect'
    ])
    expect(told('annotations', 'com.openfaas.ui.ext')).to.deep.equal([])
  })
})
