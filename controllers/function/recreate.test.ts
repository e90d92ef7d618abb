import { expect } from 'chai'
import type { FunctionObject } from '../../api/function.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Loop } from '../../test/helpers/loop.ts'

const KEY = 'openfaas-fn/hello'

describe('a function that is made again while the last pass of its deletion runs', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  it('is not told to be gone', async () => {
    const gone: string[] = []
    loop.onGone = key => gone.push(key)
    await loop.put()
    await loop.settle()
    await loop.store.functions.markDeleted(KEY)
    let again: FunctionObject | undefined
    loop.restart(
      new Proxy<Engine>(loop.engine, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          return async (...args: unknown[]) => {
            if (name === 'removeNetwork') again = await loop.put()
            return value.apply(target, args)
          }
        }
      })
    )
    while (again === undefined) await loop.pass()
    expect((await loop.get()).metadata.uid).to.equal(again.metadata.uid)
    expect(gone).to.deep.equal([])
  })
})
