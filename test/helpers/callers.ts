import type { GatewayClient } from './gateway-client.ts'

/** Callers at a time: light, so that the test measures the loop and not the machine. */
const CALLERS = 3

/**
 * Calls a function again and again, each caller one call at a time, until `deed` has ended. Gives the codes of all
 * calls; those that run when it ends are waited for. Rejects as `deed` does.
 */
export async function underCalls(
  gateway: GatewayClient,
  path: string,
  deed: () => Promise<unknown>
): Promise<number[]> {
  const codes: number[] = []
  let calling = true
  const callers = Array.from({ length: CALLERS }, async () => {
    while (calling) codes.push((await gateway.call('GET', path)).status)
  })
  try {
    await deed()
  } finally {
    calling = false
    await Promise.all(callers)
  }
  return codes
}
