import { expect } from 'chai'
import { imageViolation, parseRegistry } from './image-rule.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

describe('where images may come from', () => {
  const registries = ['docker.io/library', 'registry.example:5000/team', 'ghcr.io', 'docker.io/acme']
  const isAllowed = (image: string) => imageViolation(image, { registries, digestRequired: false }) === undefined

  it('S11: is the registries that are named, and paths of them', () => {
    const allowed = [
      ...['nginx', 'nginx:1.27', `nginx@${DIGEST}`, 'library/nginx', 'docker.io/nginx', 'docker.io/library/nginx'],
      ...['index.docker.io/library/nginx', 'acme/fn', 'docker.io/acme/deep/fn', 'registry.example:5000/team/fn:1'],
      ...['ghcr.io/any/one', 'ghcr.io/fn', 'cafe:latest', 'docker.io/cafe']
    ]
    expect(allowed.filter(image => !isAllowed(image))).to.deep.equal([])
  })

  it('S11: is not what looks like them', () => {
    const refused = [
      ...['other/nginx', 'docker.io/other/nginx', 'evil.example/library/nginx', 'docker.io.evil.example/library/nginx'],
      ...['registry.example:5000/team2/fn', 'registry.example:5000/teams', 'registry.example:5001/team/fn'],
      ...['registry.example/team/fn', 'ghcr.io.example/fn', 'registry-1.docker.io/library/nginx', 'acmes/fn'],
      // The engine takes these for the start of an image's id, wherever that came from.
      ...['cafe', 'deadbeef1234', 'c'.repeat(64)],
      ...['GHCR.IO/fn', `sha256:${'b'.repeat(64)}`, 'sha256:abc', 'localhost/nginx', 'library.docker.io/nginx']
    ]
    expect(refused.filter(isAllowed)).to.deep.equal([])
  })

  it('is anywhere when nothing is named', () => {
    expect(imageViolation('evil.example/x', { registries: [], digestRequired: false })).to.equal(undefined)
  })

  it('S11: is a digest where that is required', () => {
    const rule = { registries: [], digestRequired: true }
    expect(imageViolation('nginx:1.27', rule)).to.contain('by its digest')
    expect(imageViolation(`nginx:1.27@${DIGEST}`, rule)).to.equal(undefined)
  })

  it('is written as registry, or registry/path', () => {
    const right = [
      'docker.io',
      'ghcr.io/',
      'registry.example:5000/team',
      'localhost/x',
      'index.docker.io/library',
      '[::1]:5000'
    ]
    expect(right.map(parseRegistry)).to.deep.equal([
      ...['docker.io', 'ghcr.io', 'registry.example:5000/team', 'localhost/x', 'docker.io/library', '[::1]:5000']
    ])
    const wrong = [
      'library',
      'acme/fn',
      '',
      'ghcr.io/fn:1',
      `ghcr.io/fn@${DIGEST}`,
      'https://ghcr.io',
      'ghcr.io/*',
      'a b.c'
    ]
    expect(wrong.map(parseRegistry).filter(found => found !== undefined)).to.deep.equal([])
  })
})
