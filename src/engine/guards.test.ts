import { expect } from 'chai'
import { toEngineInfo } from './docker-translate.ts'
import { guardNotes } from './guards.ts'

const notesOf = (SecurityOptions: string[], CpuCfsQuota = true) =>
  guardNotes(
    toEngineInfo({ SecurityOptions, CpuCfsQuota }, { Version: '26', ApiVersion: '1.45', Arch: 'amd64' } as never)
  )

describe('what is said of how the engine guards containers', () => {
  it('is nothing where all is as usual', () => {
    expect(notesOf(['name=seccomp,profile=default', 'name=apparmor'])).to.deep.equal([])
    expect(notesOf(['name=seccomp,profile=builtin', 'name=cgroupns'])).to.deep.equal([])
  })

  it('S4: is that system calls are not filtered, where its configuration says so', () => {
    for (const options of [['name=seccomp,profile=unconfined'], []]) {
      expect(notesOf(options)[0]).to.contain('filters no system calls')
    }
  })

  it('S15: is that it is rootless, or that its root is not that of the host', () => {
    expect(notesOf(['name=seccomp,profile=default', 'name=rootless'], false)).to.deep.equal([
      'it cannot limit CPU: functions that name no CPU limit have none',
      'it runs rootless: rules of iptables of the gateway do not reach its containers'
    ])
    expect(notesOf(['name=seccomp,profile=default', 'name=userns'])[0]).to.contain('unprivileged user')
  })
})
