import { expect } from 'chai'
import { goTimestamp, type Notes, textMap, timestamp } from './legacy-columns.ts'

describe('columns of the older program', () => {
  const times = [
    ['2024-05-01 12:00:00.123456789+00:00', '2024-05-01T12:00:00.123456789Z', '2024-05-01 12:00:00.123456789+00:00'],
    ['2024-05-01 02:30:00.5+05:30', '2024-04-30T21:00:00.5Z', '2024-04-30 21:00:00.5+00:00'],
    ['2024-05-01 12:00:00+00:00', '2024-05-01T12:00:00.000Z', '2024-05-01 12:00:00+00:00'],
    ['2024-05-01T12:00:00Z', '2024-05-01T12:00:00.000Z', '2024-05-01 12:00:00+00:00'],
    ['2024-05-01T12:00:00-02:00', '2024-05-01T14:00:00.000Z', '2024-05-01 14:00:00+00:00'],
    ['2024-05-01 12:00:00', '2024-05-01T12:00:00.000Z', '2024-05-01 12:00:00+00:00'],
    ['2024-05-01 12:00:00.1 +0200 CEST m=+0.012', '2024-05-01T10:00:00.1Z', '2024-05-01 10:00:00.1+00:00']
  ] as const

  for (const [cell, rfc3339, back] of times) {
    it(`reads ${cell}, and writes the same instant`, () => {
      const notes: Notes = {}
      expect(timestamp('created_at', cell, notes)).to.equal(rfc3339)
      expect(goTimestamp(rfc3339)).to.equal(back)
      expect(timestamp('created_at', back, notes)).to.equal(rfc3339)
      expect(notes).to.deep.equal({})
    })
  }

  for (const cell of ['', 'yesterday', null, '2024-13-01 00:00:00', 1714564800]) {
    it(`notes ${JSON.stringify(cell)}, which is no time`, () => {
      const notes: Notes = {}
      expect(timestamp('created_at', cell, notes)).to.equal('1970-01-01T00:00:00.000Z')
      expect(notes).to.deep.equal({ created_at: cell === null ? '' : String(cell) })
    })
  }

  it('reads text that a driver stored as bytes', () => {
    expect(textMap('labels', Buffer.from('{"a":"é"}'), {})).to.deep.equal({ a: 'é' })
  })
})
