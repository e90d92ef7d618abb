/** What came is no HTTP answer, or one that two readers may read in two ways. */
export class BadAnswerError extends Error {
  override name = 'BadAnswerError'
  readonly code = 'BAD_ANSWER'
}

/** How much comes behind the head: so many bytes, chunks, or all until the connection ends. */
export type BodyLength = number | 'chunks' | 'rest'

export interface AnswerHead {
  readonly status: number
  readonly statusText: string
  /** Name, value, name, value. */
  readonly raw: readonly string[]
  readonly length: BodyLength
  /** Whether the connection may be used again; for so many milliseconds, when the function says so. */
  readonly keepAlive: boolean
  readonly keepAliveMs: number | undefined
}

const BEGINNING = 'HTTP/1.'
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
/** Source: RFC 9110 5.6.2 and 5.5. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/
const LENGTH = /^\d{1,15}$/
const CLOSE = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i
const KEEP_ALIVE_SECONDS = /\btimeout=(\d{1,6})\b/i

/** Headers that say how the message is framed, as far as they came. */
interface Framing {
  length: string | undefined
  coding: string | undefined
  connection: string | undefined
  keepAlive: string | undefined
}

/** Whether an answer may come of what has come of it, so that it is worth waiting for the rest. */
export function mayBeginAnswer(text: string): boolean {
  return text.startsWith(BEGINNING) || BEGINNING.startsWith(text)
}

/**
 * Reads a head, of which each line ends with CRLF, strictly: what RFC 9112 allows to be mended here is refused. Throws
 * `BadAnswerError`.
 */
export function parseAnswerHead(text: string, isOfHead: boolean): AnswerHead {
  const end = text.indexOf('\r\n')
  const match = STATUS_LINE.exec(text.slice(0, end))
  if (match === null) throw new BadAnswerError('the answer has no status line')
  const [, minor, code, statusText = ''] = match
  const status = Number(code)
  const framing: Framing = { length: undefined, coding: undefined, connection: undefined, keepAlive: undefined }
  const raw = parseFields(text, end + 2, framing)
  const said = lengthOf(framing)
  const isBodiless = isOfHead || status < 200 || status === 204 || status === 304
  const length = isBodiless ? 0 : said
  // What has no body and says that it has one: the next answer may be that body. One to HEAD says so rightly, so nobody can tell.
  const isDoubtful = isOfHead || (isBodiless && said !== 'rest' && said !== 0)
  const keepAlive = length !== 'rest' && !isDoubtful && isKept(minor === '1', framing.connection)
  return { status, statusText, raw, length, keepAlive, keepAliveMs: toMs(framing.keepAlive) }
}

/** Reads header lines, or trailers, from `at` on; each line ends with CRLF. Throws `BadAnswerError`. */
export function parseFields(text: string, at: number, framing?: Framing): string[] {
  const raw: string[] = []
  let from = at
  while (from < text.length) {
    const end = text.indexOf('\r\n', from)
    const colon = text.indexOf(':', from)
    if (end < 0 || colon < 0 || colon > end) throw new BadAnswerError('a header of the answer is none')
    const name = text.slice(from, colon)
    const value = trimmed(text, colon + 1, end)
    if (!TOKEN.test(name) || NO_VALUE.test(value)) throw new BadAnswerError('a header of the answer is malformed')
    raw.push(name, value)
    if (framing !== undefined) note(framing, name, value)
    from = end + 2
  }
  return raw
}

/** Without the blanks around it. Source: RFC 9112 5.1. */
function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to]
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Only names of these lengths are looked at. */
function note(framing: Framing, name: string, value: string): void {
  if (name.length === 10) noteConnection(framing, name.toLowerCase(), value)
  else if (name.length === 14 && name.toLowerCase() === 'content-length') {
    if (framing.length !== undefined) throw new BadAnswerError('the answer has two lengths')
    framing.length = value
  } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
    framing.coding = framing.coding === undefined ? value : `${framing.coding}, ${value}`
  }
}

function noteConnection(framing: Framing, lower: string, value: string): void {
  if (lower === 'connection') {
    framing.connection = framing.connection === undefined ? value : `${framing.connection}, ${value}`
  } else if (lower === 'keep-alive') framing.keepAlive = value
}

function lengthOf({ length, coding }: Framing): BodyLength {
  if (coding !== undefined) {
    if (length !== undefined) throw new BadAnswerError('the answer has a length and a transfer coding')
    if (coding.toLowerCase() !== 'chunked') throw new BadAnswerError('the transfer coding of the answer is unknown')
    return 'chunks'
  }
  if (length === undefined) return 'rest'
  if (!LENGTH.test(length)) throw new BadAnswerError('the length of the answer is no number')
  return Number(length)
}

function isKept(isVersion11: boolean, connection: string | undefined): boolean {
  if (connection === undefined) return isVersion11
  return !CLOSE.test(connection) && (isVersion11 || KEEP_ALIVE.test(connection))
}

function toMs(keepAlive: string | undefined): number | undefined {
  const seconds = keepAlive === undefined ? undefined : KEEP_ALIVE_SECONDS.exec(keepAlive)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
