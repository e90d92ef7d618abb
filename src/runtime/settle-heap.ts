import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type CollectGarbage = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void

/**
 * Gives back to the system what loading has left behind, some 12 MiB: V8 alone waits until there is more. It holds the event
 * loop for about a tenth of a second, so it is for a process that does not serve yet.
 */
export function settleHeap(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as CollectGarbage
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', flavor: 'last-resort' })
}
