import type { Router } from '@koa/router'
import { DEFAULT_NAMESPACE } from '../../../api/meta.ts'
import type { ApiDeps } from '../deps.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l' }

/** The gateway itself: `/system/info`, `/system/namespaces`, `/system/config`, `/system/metrics`. */
export function addSystemRoutes(router: Router, deps: ApiDeps): void {
  router.get('/system/info', ctx => {
    ctx.body = toInfo(deps.info)
  })
  router.get('/system/namespaces', async ctx => {
    const objects = await deps.functions.list()
    const living = objects.filter(({ metadata }) => metadata.deletionRequestedAt === undefined)
    const used = new Set([DEFAULT_NAMESPACE, ...living.map(({ metadata }) => metadata.namespace)])
    ctx.body = [...used].sort()
  })
  router.get('/system/config', ctx => {
    ctx.body = deps.config
  })
  router.get('/system/metrics', async ctx => {
    const { contentType, text } = await deps.metrics.expose()
    ctx.body = text
    ctx.set('Content-Type', contentType)
  })
}

function toInfo({ version, commit }: ApiDeps['info']) {
  return {
    provider: { provider: 'docker-faas', orchestration: 'docker', version: { release: version, sha: commit } },
    version: { release: version, sha: commit, commit_message: '' },
    arch: ARCHITECTURES[process.arch] ?? process.arch
  }
}
