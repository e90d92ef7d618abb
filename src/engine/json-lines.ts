/** No message of the engine comes near; more without an end of line is a broken stream. */
const MAX_LINE_CHARS = 1024 * 1024

/** The values of a stream of JSON lines: one may span chunks, one chunk may hold many. Throws on what is no JSON. */
export async function* jsonLines(stream: AsyncIterable<Buffer>): AsyncIterable<unknown> {
  // NOTE: `for await` over the stream itself ends or throws when it breaks; `readline` over it hangs for ever.
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_CHARS) throw new Error(`a line is longer than ${MAX_LINE_CHARS} characters`)
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line)
  }
  if (rest.trim() !== '') yield JSON.parse(rest)
}
