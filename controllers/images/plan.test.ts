import { expect } from 'chai'
import fc from 'fast-check'
import { canonicalReference } from '../../api/image-reference.ts'
import type { ImageSummary } from '../../src/engine/engine.ts'
import { NOW } from '../../test/helpers/builders.ts'
import { type ImageFacts, type ImageVerdict, planImages } from './plan.ts'

const GRACE_MS = 1000
const ID = `sha256:${'a'.repeat(64)}`
const DIGEST = `sha256:${'d'.repeat(64)}`
const IMAGE: ImageSummary = {
  id: ID,
  tags: ['r.example/team/fn:1'],
  digests: [`r.example/team/fn@${DIGEST}`],
  sizeBytes: 7
}
const PULLED = { imageId: ID, references: ['r.example/team/fn:1'], unusedSince: NOW - GRACE_MS }

function plan(facts: Partial<ImageFacts> = {}) {
  return planImages({
    ...{ images: [IMAGE], pulled: [PULLED], used: new Set<string>(), wanted: [] },
    ...{ now: NOW, graceMs: GRACE_MS, underPressure: false },
    ...facts
  })
}

describe('planImages', () => {
  const tables: readonly [title: string, facts: Partial<ImageFacts>, verdict: ImageVerdict | undefined][] = [
    ['goes when it is unused for the grace', {}, 'collect'],
    ['stays while it is unused for less', { pulled: [{ ...PULLED, unusedSince: NOW - GRACE_MS + 1 }] }, 'grace'],
    ['stays when it was in use a moment ago', { pulled: [{ imageId: ID, references: PULLED.references }] }, 'grace'],
    [
      'goes at once when the disk is full',
      { pulled: [{ imageId: ID, references: PULLED.references }], underPressure: true },
      'collect'
    ],
    ['is nothing to look at when a person brought it', { pulled: [] }, undefined],
    ['is used by a container, whoever’s', { used: new Set([ID]), underPressure: true }, undefined],
    ['is wanted by its tag', { wanted: ['r.example/team/fn:1'], underPressure: true }, undefined],
    ['is wanted by its digest', { wanted: [`r.example/team/fn@${DIGEST}`] }, undefined],
    ['is wanted by tag and digest', { wanted: [`r.example/team/fn:9@${DIGEST}`] }, undefined],
    ['is wanted by its id', { wanted: [ID] }, undefined],
    ['is wanted by its id without the algorithm', { wanted: [ID.replace('sha256:', '')] }, undefined],
    ['is not wanted by another tag', { wanted: ['r.example/team/fn:2', 'fn:1'] }, 'collect'],
    [
      'has a tag that a person gave it',
      { images: [{ ...IMAGE, tags: [...IMAGE.tags, 'mine:1'] }], underPressure: true },
      'named-by-others'
    ],
    [
      'has a digest of a repository that we did not pull from',
      { images: [{ ...IMAGE, digests: [...IMAGE.digests, `other.example/fn@${DIGEST}`] }] },
      'named-by-others'
    ],
    ['has lost its tag to a newer image', { images: [{ ...IMAGE, tags: [] }] }, 'collect'],
    [
      'has two tags, both pulled here',
      {
        images: [{ ...IMAGE, tags: ['r.example/team/fn:1', 'r.example/team/fn:2'] }],
        pulled: [{ ...PULLED, references: ['r.example/team/fn:1', 'r.example/team/fn:2'] }]
      },
      'collect'
    ],
    [
      'is Docker Hub’s, whose registry the engine does not write',
      {
        images: [{ ...IMAGE, tags: ['busybox:1'], digests: [`busybox@${DIGEST}`] }],
        pulled: [{ ...PULLED, references: ['docker.io/library/busybox:1'] }]
      },
      'collect'
    ]
  ]
  for (const [title, facts, verdict] of tables) {
    it(`${verdict ?? 'nothing'}: an image ${title}`, () => {
      expect(plan(facts).unused.map(image => image.verdict)).to.deep.equal(verdict === undefined ? [] : [verdict])
    })
  }

  it('takes names off before the image itself', () => {
    const [image] = plan().unused
    expect(image).to.deep.include({ id: ID, name: 'r.example/team/fn:1', sizeBytes: 7 })
    expect(image?.names).to.deep.equal(['r.example/team/fn:1', `r.example/team/fn@${DIGEST}`, ID])
  })

  it('is in the order of names, and named by its digest, or as it was pulled, when it has no tag', () => {
    const other = { ...IMAGE, id: `sha256:${'b'.repeat(64)}`, tags: ['a:1'], digests: [] }
    const pulled = [PULLED, { ...PULLED, imageId: other.id }]
    const names = (images: ImageSummary[]) => plan({ images, pulled }).unused.map(({ name }) => name)
    expect(names([IMAGE, other])).to.deep.equal(['a:1', 'r.example/team/fn:1'])
    expect(names([other, IMAGE])).to.deep.equal(['a:1', 'r.example/team/fn:1'])
    expect(names([{ ...IMAGE, tags: [] }])).to.deep.equal([`r.example/team/fn@${DIGEST}`])
    expect(names([{ ...IMAGE, tags: [], digests: [] }])).to.deep.equal(['r.example/team/fn:1'])
  })

  it('tells what changed since it was written down', () => {
    const since = { ...PULLED, unusedSince: NOW - 1 }
    const never = { imageId: ID, references: PULLED.references }
    const changes = (facts: Partial<ImageFacts>) => {
      const { newlyUnused, usedAgain, gone } = plan(facts)
      return { newlyUnused, usedAgain, gone }
    }
    const none = { newlyUnused: [], usedAgain: [], gone: [] }
    expect(changes({ pulled: [since] })).to.deep.equal(none)
    expect(changes({ pulled: [never] })).to.deep.equal({ ...none, newlyUnused: [ID] })
    expect(changes({ pulled: [never], used: new Set([ID]) })).to.deep.equal(none)
    expect(changes({ pulled: [since], used: new Set([ID]) })).to.deep.equal({ ...none, usedAgain: [ID] })
    expect(changes({ images: [] })).to.deep.equal({ ...none, gone: [ID] })
  })

  it('collects only what was pulled here, by names of ours alone, and what nobody uses or wants', () => {
    const names = ['r.example/a:1', 'r.example/a:2', 'b:1', 'docker.io/library/b:1', 'c/d:1']
    const some = (from: readonly string[]) => fc.subarray([...from])
    const ids = ['sha256:1', 'sha256:2', 'sha256:3']
    const arbitrary = fc.record({
      tags: fc.tuple(some(names), some(names), some(names)),
      pulled: fc.tuple(some(names), some(names), some(names)),
      used: some(ids),
      wanted: some([...names, ...ids]),
      underPressure: fc.boolean()
    })
    fc.assert(
      fc.property(arbitrary, ({ tags, pulled, used, wanted, underPressure }) => {
        const images = ids.map((id, n) => ({ id, tags: tags[n] ?? [], digests: [], sizeBytes: 1 }))
        const records = ids.map((imageId, n) => ({ imageId, references: (pulled[n] ?? []).map(canonicalReference) }))
        const known = records.filter(({ references }) => references.length > 0)
        const facts = { images, pulled: known, used: new Set(used), wanted, underPressure }
        const { unused } = plan({ ...facts, graceMs: 0 })
        for (const { id } of unused.filter(({ verdict }) => verdict === 'collect')) {
          const image = images.find(each => each.id === id)
          const record = known.find(({ imageId }) => imageId === id)
          const own = image?.tags.map(canonicalReference) ?? []
          expect(record?.references).to.include.members(own)
          expect([id, ...own].some(name => wanted.some(w => w === name || canonicalReference(w) === name))).to.equal(
            false
          )
          expect(used).to.not.include(id)
        }
      })
    )
  })
})
