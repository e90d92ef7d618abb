import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import Koa from 'koa'
import { SCOPES, type Scope } from '../../api/scope.ts'
import { setCaller } from './caller.ts'
import { answerErrors } from './errors.ts'
import { createRouter, markChecked, type Route } from './route.ts'

const ROUTE: Route = {
  method: 'get',
  path: '/v1/things',
  scope: 'read',
  namespace: 'visible',
  summary: 'List things',
  answers: { 200: { about: 'things', type: 'text/plain', schema: 'TextAnswer' } },
  handler: ctx => {
    markChecked(ctx)
    ctx.body = 'things'
  }
}

/** The status of a request to the route by credentials with these scopes. */
async function statusOf(
  route: Route,
  scopes: readonly Scope[],
  namespaces: 'all' | Set<string> = 'all'
): Promise<number> {
  const app = new Koa()
  const ignore = () => undefined
  app.use(answerErrors({ warn: ignore, error: ignore }))
  app.use((ctx, next) => {
    setCaller(ctx, { kind: 'token', name: 't', scopes: new Set(scopes), namespaces, address: '' })
    return next()
  })
  app.use(createRouter([route]).routes())
  const server = createServer(app.callback())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    return (await fetch(`http://127.0.0.1:${port}${route.path}`)).status
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const answerEverything: Route['handler'] = ctx => {
  ctx.body = 'everything'
}

describe('createRouter', () => {
  for (const scope of SCOPES) {
    const passes = scope === 'read' || scope === 'admin'
    it(`S21: ${passes ? 'lets' : 'does not let'} credentials with ${scope} read`, async () => {
      expect(await statusOf(ROUTE, [scope])).to.equal(passes ? 200 : 403)
    })
  }

  it('S21: takes any credentials, also without a scope, where any will do', async () => {
    expect(await statusOf({ ...ROUTE, scope: 'any' }, [])).to.equal(200)
  })

  it('S22: withholds an answer for which nobody looked at the namespaces of the caller', async () => {
    const careless: Route = { ...ROUTE, handler: answerEverything }
    expect(await statusOf(careless, ['admin'])).to.equal(500)
    expect(await statusOf({ ...careless, namespace: 'none' }, ['admin'])).to.equal(200)
  })

  it('S22: keeps credentials that are bound to namespaces from what is of the whole gateway', async () => {
    const whole: Route = { ...ROUTE, namespace: 'gateway' }
    expect(await statusOf(whole, ['admin'], new Set(['a']))).to.equal(403)
    expect(await statusOf(whole, ['admin'])).to.equal(200)
  })
})
