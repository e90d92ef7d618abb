import type { RouterContext } from '@koa/router'
import type { ApiDeps } from '../deps.ts'
import { findPageFile, PAGE, PAGE_FILES } from '../docs-files.ts'
import type { Route } from '../route.ts'

type DocsDeps = Pick<ApiDeps, 'info'>

/**
 * Nothing of elsewhere, nothing written in the page, and no frame around it. Pages of functions have the same origin: what opens this
 * page by a script is cut off from it (`noopener-allow-popups`, where browsers know it).
 */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'noopener-allow-popups',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  // Looked up each time, and sent again only when it is another.
  'Cache-Control': 'no-cache'
}

/** `/docs`: a page that renders `/openapi.json`. It is open, and asks for credentials itself: it holds nothing of this gateway. */
export function docsRoutes({ info }: DocsDeps): Route[] {
  const parts = Object.entries(PAGE_FILES).map(
    ([name, type]): Route => ({
      ...{ method: 'get', path: `/docs/${name}`, scope: 'open', namespace: 'none', isPart: true },
      summary: 'A part of the page',
      answers: { 200: { about: 'it', type: type.split(';')[0] ?? type, schema: 'TextAnswer' } },
      handler: ctx => answerFile(ctx, info, name, type)
    })
  )
  const page = {
    ...({ method: 'get', path: '/docs', scope: 'open', namespace: 'none' } as const),
    summary: 'Show this document as a page, on which requests can be tried',
    answers: { 200: { about: 'the page', type: 'text/html', schema: 'TextAnswer' } },
    handler: async (ctx: RouterContext) => {
      // Its parts are named as below this path.
      if (ctx.path.endsWith('/')) ctx.redirect('../docs')
      else await answerFile(ctx, info, PAGE, 'text/html; charset=utf-8')
    }
  } satisfies Route
  return [page, { ...page, path: '/docs/', isPart: true }, ...parts, FRONT_DOOR]
}

/** OpenFaaS has its web interface behind this one; whoever has credentials is led to what there is to see. */
const FRONT_DOOR: Route = {
  ...{ method: 'get', path: '/', scope: 'any', namespace: 'none', isPart: true },
  summary: 'Lead to the page of this document',
  answers: { 307: { about: 'where it is', type: '' } },
  handler: ctx => {
    ctx.status = 307
    // Below the prefix of a proxy, too.
    ctx.redirect('docs')
  }
}

async function answerFile(ctx: RouterContext, info: ApiDeps['info'], name: string, type: string): Promise<void> {
  const { bytes, open } = await findPageFile(name)
  const etag = `"${info.version}-${info.commit}-${bytes}"`
  ctx.set({ ...HEADERS, ETag: etag })
  if (ctx.get('If-None-Match') === etag) {
    ctx.status = 304
    return
  }
  ctx.body = open()
  ctx.type = type
  ctx.length = bytes
}
