import type { Shell } from './scripts.ts'
import type { Word } from './suggest.ts'

/** The words of a command line as their user means them, of which bash makes several: it parts them at `=` and `:`. */
export function joinWords(shell: Shell, words: readonly string[]): { words: string[]; cut: string } {
  const last = words.length === 0 ? '' : (words.at(-1) ?? '')
  if (shell !== 'bash') return { words: words.length === 0 ? [''] : [...words], cut: '' }
  const joined: string[] = []
  let glue = false
  for (const word of words) {
    const isBreak = /^[=:]+$/.test(word)
    if (joined.length > 0 && (glue || isBreak)) joined.push(`${joined.pop()}${word}`)
    else joined.push(word)
    glue = isBreak
  }
  // What bash takes for the word under the cursor is what follows the last break.
  const whole = joined.at(-1) ?? ''
  const shown = /^[=:]+$/.test(last) ? '' : last
  return { words: joined.length === 0 ? [''] : joined, cut: whole.slice(0, whole.length - shown.length) }
}

/** Nothing else is offered: no shell has to quote it, and no terminal is commanded by it. */
const PLAIN = /^[A-Za-z0-9@_./:=,+-]+$/

/** The lines for the shell: those of the words that go on from what was typed, without what bash has already. */
export function toLines(
  words: readonly Word[],
  { typed, prefix, cut }: { readonly typed: string; readonly prefix: string; readonly cut: string }
): string[] {
  const seen = new Set<string>()
  return words
    .filter(({ value }) => value.startsWith(typed) && PLAIN.test(value) && !seen.has(value) && seen.add(value))
    .map(({ value, about }) => {
      const text = `${prefix}${value}`.slice(cut.length)
      const line = about.replaceAll(/[^\x20-\x7e]+/g, ' ')
      return line === '' ? text : `${text}\t${line}`
    })
}
