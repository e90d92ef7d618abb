import type { ApiDeps } from '../deps.ts'
import type { Route } from '../route.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', arm: 'armv7l' }

/** The gateway itself: `/system/info`, `/system/config`, `/system/metrics`. */
export function systemRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/system/info',
      scope: 'any',
      namespace: 'none',
      summary: 'Show the version of the gateway',
      answers: { 200: { about: 'provider, version and architecture', schema: 'InfoAnswer' } },
      handler: ctx => {
        ctx.body = toInfo(deps.info)
      }
    },
    {
      method: 'get',
      path: '/system/config',
      scope: 'read',
      namespace: 'none',
      summary: 'Show the configuration without secrets',
      answers: { 200: { about: 'variables and their values', schema: 'ConfigAnswer' } },
      handler: ctx => {
        ctx.body = deps.config
      }
    },
    {
      method: 'get',
      path: '/system/metrics',
      scope: 'read',
      namespace: 'gateway',
      summary: 'Show what Prometheus reads',
      answers: { 200: { about: 'metrics', type: 'text/plain', schema: 'TextAnswer' } },
      handler: async ctx => {
        const { contentType, text } = await deps.metrics.expose()
        ctx.body = text
        ctx.set('Content-Type', contentType)
      }
    }
  ]
}

function toInfo({ version, commit }: ApiDeps['info']) {
  return {
    provider: { provider: 'docker-faas', orchestration: 'docker', version: { release: version, sha: commit } },
    version: { release: version, sha: commit, commit_message: '' },
    arch: ARCHITECTURES[process.arch] ?? process.arch
  }
}
