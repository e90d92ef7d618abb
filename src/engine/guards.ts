import type { EngineInfo } from './engine.ts'

/** What an operator should know of how the engine guards containers, in the order of importance. Pure. */
export function guardNotes({ guards, canLimitCpu }: Pick<EngineInfo, 'guards' | 'canLimitCpu'>): string[] {
  const has = (guard: string) => guards.includes(guard)
  return [
    ...(has('seccomp')
      ? []
      : ['it filters no system calls of containers: remove seccomp-profile from its daemon.json']),
    ...(canLimitCpu ? [] : ['it cannot limit CPU: functions that name no CPU limit have none']),
    ...(has('rootless') ? ['it runs rootless: rules of iptables of the gateway do not reach its containers'] : []),
    ...(has('userns') ? ['root in containers is an unprivileged user of the host'] : [])
  ]
}
