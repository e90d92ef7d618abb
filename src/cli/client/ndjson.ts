import { StringDecoder } from 'node:string_decoder'
import { CliError } from '../exit-code.ts'

/** Longer lines are nobody's. */
const MAX_LINE = 16 * 1024 * 1024

/** What each line of a stream holds, one after the other, whatever pieces they arrive in. Empty lines are passed over. */
export async function* readNdjson<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE) throw new CliError(`a line of the answer is longer than ${MAX_LINE} characters`)
    for (const line of lines) if (line.trim() !== '') yield parseLine<T>(line)
  }
  rest += decoder.end()
  if (rest.trim() !== '') yield parseLine<T>(rest)
}

function parseLine<T>(line: string): T {
  try {
    return JSON.parse(line) as T
  } catch (err) {
    throw new CliError(`a line of the answer is no JSON: ${line.slice(0, 200)}`, undefined, { cause: err })
  }
}
