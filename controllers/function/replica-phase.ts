import type { Replica } from './observed.ts'

/** Whether it runs, and has not said in time that it lives: it is replaced. */
export function isUnhealthy({ phase, liveness }: Pick<Replica, 'phase' | 'liveness'>): boolean {
  return liveness?.isFailed === true && isUp({ phase })
}

/** Whether its process is there, paused or not, and was not asked to stop. */
export function isUp({ phase }: Pick<Replica, 'phase'>): boolean {
  return phase === 'starting' || phase === 'ready' || phase === 'unready'
}
