import { styleText } from 'node:util'
import type { Environment, Output } from '../environment.ts'

/**
 * Control characters of C0 and C1, DEL, what reorders text (bidirectional marks, overrides and isolates), what separates lines
 * for some terminals only, and what shows nothing; but not the joiners, which emoji and some scripts need. Source: Unicode,
 * general categories Cc, Cf, Zl, Zp; CVE-2021-42574.
 */
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
/** The same, but for those that lay text out. */
const UNSAFE_IN_LINES = /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** The text with all that a terminal may take for a command shown as `\x1b`, `\u202e`: one line, whatever was in it. */
export function terminalSafe(text: string): string {
  return text.replace(UNSAFE, escapeCharacter)
}

/** The same for text of several lines: line feeds and tabs stay. */
export function terminalSafeLines(text: string): string {
  return text.replace(UNSAFE_IN_LINES, escapeCharacter)
}

/** JSON that says the same, without what a terminal may take for a command: inside strings, where alone it can be. */
export function terminalSafeJson(json: string): string {
  return json.replace(UNSAFE_IN_LINES, character =>
    character
      .split('')
      .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  )
}

/** What goes to `output` as lines: as it is for a program, made safe for a terminal. */
export function forOutput(text: string, output: Output): string {
  return output.isTTY === true ? terminalSafeLines(text) : text
}

/** Whether colours go to `output`: to terminals only, unless `NO_COLOR` or `FORCE_COLOR` says otherwise. Source: no-color.org. */
export function isColoured(env: Environment['env'], output: Output): boolean {
  const { NO_COLOR: none = '', FORCE_COLOR: forced = '', TERM: terminal = '' } = env
  if (none !== '') return false
  if (forced !== '') return forced !== '0' && forced !== 'false'
  return output.isTTY === true && terminal !== 'dumb'
}

export type Style = 'green' | 'yellow' | 'red' | 'cyan' | 'magenta' | 'blue' | 'dim' | 'bold'

/** A function that gives text its style, or leaves it where there are no colours. */
export function createPaint(
  env: Environment['env'],
  output: Output
): (style: Style | undefined, text: string) => string {
  const coloured = isColoured(env, output)
  return (style, text) =>
    coloured && style !== undefined && text !== '' ? styleText(style, text, { validateStream: false }) : text
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code > 0xffff) return `\\u{${code.toString(16)}}`
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
