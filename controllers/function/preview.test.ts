import { expect } from 'chai'
import type { FunctionObject } from '../../api/function.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Loop } from '../../test/helpers/loop.ts'

const KEY = 'openfaas-fn/hello'

describe('a preview', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const preview = (object: FunctionObject) => loop.reconciler.preview(object, new AbortController().signal)

  it('of another readiness path takes no replica out that answers', async () => {
    await loop.put()
    await loop.settle()
    const object = await loop.get()
    loop.answers.status = new Error('nobody listens')
    await preview({ ...object, spec: { ...object.spec, probes: { ready: { path: '/other' } } } })
    await loop.pass()
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(1)
  })

  it('that began before a replica was created leaves what is known of that alone', async () => {
    await loop.put()
    const listed = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    let calls = 0
    loop.restart(
      new Proxy<Engine>(loop.engine, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          return async (...args: unknown[]) => {
            const result: unknown = await value.apply(target, args)
            if (name === 'listContainers' && ++calls === 1) {
              listed.resolve()
              await goOn.promise
            }
            return result
          }
        }
      })
    )
    const shown = preview(await loop.get())
    await listed.promise
    await loop.settle()
    goOn.resolve()
    await shown
    loop.answers.status = new Error('nobody listens')
    await loop.pass()
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(1)
  })
})
