import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 60_000
const POLL_MS = 20

/** Waits for an answer of 200 at the URL. Throws when there is none within a minute. */
export async function untilAnswers(url: string, headers: Record<string, string> = {}): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    if (await answers(url, headers)) return
    await delay(POLL_MS)
  }
  throw new Error(`${url} does not answer`)
}

async function answers(url: string, headers: Record<string, string>): Promise<boolean> {
  try {
    const answer = await fetch(url, { headers })
    await answer.arrayBuffer()
    return answer.status === 200
  } catch {
    return false // not listening yet
  }
}
