import { StringDecoder } from 'node:string_decoder'
import type { Output } from '../environment.ts'
import { terminalSafeLines } from './terminal.ts'

const LINE_FEED = 0x0a

/**
 * Writes the chunks as they come and no faster than they are read: as they are, or `safe`, as text in which nothing
 * commands a terminal. True when they ended with a whole line, or were none.
 */
export async function copyTo(output: Output, chunks: AsyncIterable<Uint8Array>, safe: boolean): Promise<boolean> {
  const decoder = new StringDecoder('utf8')
  let last: number = LINE_FEED
  for await (const chunk of chunks) {
    last = chunk.at(-1) ?? last
    await write(output, safe ? terminalSafeLines(decoder.write(Buffer.from(chunk))) : chunk)
  }
  if (safe) await write(output, terminalSafeLines(decoder.end()))
  return last === LINE_FEED
}

/** Writes it, and resolves when more may be written. */
export async function write(output: Output, text: string | Uint8Array): Promise<void> {
  if (text.length === 0 || output.write(text) !== false || output.once === undefined) return
  await new Promise<void>(resolve => output.once?.('drain', resolve))
}
