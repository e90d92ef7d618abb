import type { Replica } from './observed.ts'

/** Whether its process is there, paused or not, and was not asked to stop. */
export function isUp({ phase }: Pick<Replica, 'phase'>): boolean {
  return phase === 'starting' || phase === 'ready' || phase === 'unready'
}
