import { expect } from 'chai'
import { aFunction } from '../test/helpers/builders.ts'
import { leastReadyMs, livenessOf, probeFaults, readinessOf } from './probe.ts'

const READY = 'com.openfaas.ready.http.'
const HEALTH = 'com.openfaas.health.http.'
const readiness = (annotations: Record<string, string>, path?: string) =>
  readinessOf(aFunction({ annotations, probes: path === undefined ? {} : { ready: { path } } }))

describe('probes by annotation', () => {
  it('are none where no annotation asks for them: any answer below 500 of /_/health makes ready', () => {
    expect(readiness({})).to.deep.equal({ path: '/_/health', isStrict: false })
    expect(livenessOf(aFunction())).to.equal(undefined)
  })

  it('have what annotations name, and leave the rest to the defaults', () => {
    expect(readiness({ [`${READY}path`]: '/ready' })).to.deep.equal({ path: '/ready', isStrict: true, timing: {} })
    const all = {
      [`${READY}initialDelaySeconds`]: '30',
      [`${READY}periodSeconds`]: '1s',
      [`${READY}timeoutSeconds`]: '500ms',
      [`${READY}failureThreshold`]: '5',
      [`${READY}successThreshold`]: '2'
    }
    const timing = { initialDelayMs: 30_000, periodMs: 1000, timeoutMs: 500, failureThreshold: 5, successThreshold: 2 }
    expect(readiness(all)).to.deep.equal({ path: '/_/health', isStrict: false, timing })
    const annotations = Object.fromEntries(
      Object.entries(all).map(([key, value]) => [key.replace('ready', 'health'), value])
    )
    const { successThreshold: _, ...asked } = timing
    expect(livenessOf(aFunction({ annotations }))).to.deep.equal({ path: '/_/health', isStrict: false, timing: asked })
  })

  it('take the name that OpenFaaS had for the delay before, unless the new one is there', () => {
    const old = { [`${HEALTH}initialDelay`]: '1m' }
    const delayOf = (annotations: Record<string, string>) =>
      livenessOf(aFunction({ annotations }))?.timing?.initialDelayMs
    expect(delayOf(old)).to.equal(60_000)
    expect(delayOf({ ...old, [`${HEALTH}initialDelaySeconds`]: '0' })).to.equal(0)
  })

  it('give way to a path of the spec, and keep their times', () => {
    const annotations = { [`${READY}path`]: '/ready', [`${READY}periodSeconds`]: '3' }
    expect(readiness(annotations, '/spec')).to.deep.equal({
      path: '/spec',
      isStrict: false,
      timing: { periodMs: 3000 }
    })
    expect(readiness({}, '/spec')).to.deep.equal({ path: '/spec', isStrict: false })
  })

  it('ask no function at a breakpoint whether it lives', () => {
    expect(livenessOf(aFunction({ debug: true, annotations: { [`${HEALTH}path`]: '/alive' } }))).to.equal(undefined)
  })

  it('lengthen the time that a start may take by what they wait for', () => {
    expect(leastReadyMs(readiness({}))).to.equal(0)
    const annotations = { [`${READY}initialDelaySeconds`]: '30', [`${READY}successThreshold`]: '3' }
    expect(leastReadyMs(readiness(annotations))).to.equal(34_000)
  })

  it('tell of each that cannot be read, and pass over it where it is written down already', () => {
    const bad = {
      [`${READY}path`]: 'ready',
      [`${READY}initialDelaySeconds`]: '-1',
      [`${READY}periodSeconds`]: '0',
      [`${READY}timeoutSeconds`]: '2h',
      [`${READY}failureThreshold`]: '0',
      [`${READY}successThreshold`]: 'two',
      [`${HEALTH}initialDelay`]: 'soon'
    }
    expect(probeFaults(bad).map(({ field, message }) => `${field}: ${message}`)).to.deep.equal([
      `annotations: ${HEALTH}initialDelay must be a time from 0 to 1 h, such as "30" (seconds) or "30s", got "soon"`,
      `annotations: ${READY}path must be a path that starts with "/", such as "/ready", got "ready"`,
      `annotations: ${READY}initialDelaySeconds must be a time from 0 to 1 h, such as "30" (seconds) or "30s", got "-1"`,
      `annotations: ${READY}periodSeconds must be a time from 100 ms to 1 h, such as "2" (seconds) or "2s", got "0"`,
      `annotations: ${READY}timeoutSeconds must be a time from 100 ms to 1 h, such as "2" (seconds) or "2s", got "2h"`,
      `annotations: ${READY}failureThreshold must be a whole number from 1 to 1000, got "0"`,
      `annotations: ${READY}successThreshold must be a whole number from 1 to 1000, got "two"`
    ])
    expect(probeFaults({ [`${READY}path`]: '/a\r\nb' })).to.have.length(1)
    expect(readiness(bad)).to.deep.equal({ path: '/_/health', isStrict: false })
  })
})
