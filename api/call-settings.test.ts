import { expect } from 'chai'
import { callSettingFaults, callSettingsOf } from './call-settings.ts'

describe('settings of calls', () => {
  it('are absent when no annotation names one', () => {
    expect(callSettingsOf({ topic: 'x' })).to.equal(undefined)
  })

  it('are read from annotations', () => {
    expect(
      callSettingsOf({
        'com.openfaas.max-inflight': '4',
        'com.docker-faas.scale.wake-timeout': '5s',
        'com.docker-faas.timeout.connect': '250ms',
        'com.docker-faas.timeout.first-byte': '1m',
        'com.docker-faas.timeout.idle': '30',
        'com.docker-faas.timeout.total': '2m',
        'com.openfaas.retry.attempts': '3'
      })
    ).to.deep.equal({
      maxInflight: 4,
      wakeTimeoutMs: 5000,
      connectTimeoutMs: 250,
      firstByteTimeoutMs: 60_000,
      idleTimeoutMs: 30_000,
      totalTimeoutMs: 120_000,
      retry: { attempts: 3, codes: [429, 502, 500, 504, 408], minWaitMs: 10_000, maxWaitMs: 120_000 }
    })
  })

  it('name what cannot be read, and go on without it', () => {
    const annotations = {
      'com.openfaas.max-inflight': '0',
      'com.docker-faas.timeout.idle': '0s',
      'com.openfaas.retry.codes': '200,502',
      'com.openfaas.retry.attempts': '1000'
    }
    const faults = callSettingFaults(annotations)
    expect(faults.map(({ message }) => message.split(' ')[0]).sort()).to.deep.equal(Object.keys(annotations).sort())
    expect(callSettingsOf(annotations)).to.equal(undefined)
  })
})
