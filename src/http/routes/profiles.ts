import type { RouterContext } from '@koa/router'
import { NotFoundError, ValidationError } from '../../../api/errors.ts'
import type { IsolationRules } from '../../../api/isolation.ts'
import { Name } from '../../../api/meta.ts'
import { ProfileInput, type ProfileObject } from '../../../api/profile.ts'
import { profileViolations } from '../../../api/profile-rules.ts'
import type { ProfileStore } from '../../store/profile-store.ts'
import { noteSubject } from '../audit.ts'
import { readJson } from '../body.ts'
import { IF_MATCH, IF_NONE_MATCH } from '../query.ts'
import type { Route } from '../route.ts'
import { expectedVersion, isKnownVersion, parseInput } from '../validate.ts'

export interface ProfileRouteDeps {
  readonly profiles: ProfileStore
  /** What profiles may grant. */
  readonly rules: IsolationRules
  readonly readTimeoutMs: number
}

const PROFILES = '/v1/profiles'
const PROFILE = '/v1/profiles/:name'
const SPEC = { runtime: 'runsc', user: '1000:1000', tmpfs: [{ path: '/cache', size: '64Mi' }] }
const ProfileBody = ProfileInput.meta({ examples: [{ metadata: { name: 'sandboxed' }, spec: SPEC }] })
/** The same where the path names it. */
const NamedProfileBody = ProfileInput.extend({
  metadata: ProfileInput.shape.metadata.partial({ name: true }).optional()
}).meta({ examples: [{ spec: SPEC }] })

/** `/v1/profiles`: what functions get by naming it. Of no namespace, so to be written by who may do everything. */
export function profileRoutes(deps: ProfileRouteDeps): Route[] {
  return [
    {
      method: 'get',
      path: PROFILES,
      scope: 'read',
      namespace: 'none',
      summary: 'List profiles of functions',
      answers: { 200: { about: 'profiles', schema: 'ProfileListAnswer' } },
      handler: ctx => {
        ctx.body = { apiVersion: 'v1', kind: 'ProfileList', items: deps.profiles.list().map(toProfileResource) }
      }
    },
    {
      method: 'post',
      path: PROFILES,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Bring a profile to a spec, whether or not it is there',
      body: ProfileBody,
      head: [IF_MATCH],
      answers: {
        200: { about: 'the profile', schema: 'ProfileAnswer' },
        201: { about: 'the new profile', schema: 'ProfileAnswer' }
      },
      errors: [409],
      handler: ctx => applyProfile(ctx, deps)
    },
    ...oneProfileRoutes(deps)
  ]
}

function oneProfileRoutes(deps: ProfileRouteDeps): Route[] {
  return [
    {
      method: 'get',
      path: PROFILE,
      scope: 'read',
      namespace: 'none',
      summary: 'Show a profile',
      head: [IF_NONE_MATCH],
      answers: {
        200: { about: 'the profile', schema: 'ProfileAnswer' },
        304: { about: 'If-None-Match names its version', type: '' }
      },
      handler: ctx => {
        const profile = requireProfile(deps, nameOfPath(ctx))
        ctx.set('ETag', etagOf(profile))
        if (isKnownVersion(ctx, etagOf(profile))) ctx.status = 304
        else ctx.body = toProfileResource(profile)
      }
    },
    {
      method: 'put',
      path: PROFILE,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Replace a profile',
      body: NamedProfileBody,
      head: [IF_MATCH],
      answers: { 200: { about: 'the profile', schema: 'ProfileAnswer' } },
      errors: [409],
      handler: ctx => replaceProfile(ctx, deps)
    },
    {
      method: 'delete',
      path: PROFILE,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Delete a profile that no function names',
      head: [IF_MATCH],
      answers: { 204: { about: 'it is gone', type: '' } },
      errors: [409],
      handler: ctx => deleteProfile(ctx, deps)
    }
  ]
}

async function applyProfile(ctx: RouterContext, deps: ProfileRouteDeps): Promise<void> {
  const body = parseInput(ProfileBody, await readJson(ctx, deps.readTimeoutMs))
  noteSubject(ctx, { kind: 'profile', namespace: '', name: body.metadata.name })
  await write(ctx, deps, body)
}

async function replaceProfile(ctx: RouterContext, deps: ProfileRouteDeps): Promise<void> {
  const name = nameOfPath(ctx)
  const json = await readJson(ctx, deps.readTimeoutMs)
  const { metadata, ...body } = parseInput(NamedProfileBody, json)
  if (metadata?.name !== undefined && metadata.name !== name) {
    throw new ValidationError([{ field: 'metadata.name', message: `must be the name in the path, ${name}` }])
  }
  requireProfile(deps, name)
  await write(ctx, deps, { ...body, metadata: { labels: {}, annotations: {}, ...metadata, name } })
}

async function write(ctx: RouterContext, deps: ProfileRouteDeps, { metadata, spec }: ProfileInput): Promise<void> {
  const errors = profileViolations(spec, deps.rules)
  if (errors.length > 0) throw new ValidationError(errors)
  const { name, labels, annotations } = metadata
  const ifMatch = expectedVersion(ctx, metadata.resourceVersion)
  const draft = { name, labels, annotations, spec }
  const { outcome, object } = await deps.profiles.put(name, () => draft, ifMatch === undefined ? {} : { ifMatch })
  ctx.status = outcome === 'created' ? 201 : 200
  ctx.set('ETag', etagOf(object))
  ctx.body = toProfileResource(object)
}

async function deleteProfile(ctx: RouterContext, deps: ProfileRouteDeps): Promise<void> {
  const name = nameOfPath(ctx)
  const ifMatch = expectedVersion(ctx)
  const deleted = await deps.profiles.delete(name, ifMatch === undefined ? {} : { ifMatch })
  if (deleted === undefined) throw new NotFoundError('profile', name)
  ctx.status = 204
}

/** A name that none can have is of none that is there. */
function nameOfPath(ctx: RouterContext): string {
  const name = ctx.params['name'] ?? ''
  noteSubject(ctx, { kind: 'profile', namespace: '', name })
  if (!Name.safeParse(name).success) throw new NotFoundError('profile', name.slice(0, 64))
  return name
}

function requireProfile({ profiles }: ProfileRouteDeps, name: string): ProfileObject {
  const profile = profiles.get(name)
  if (profile === undefined) throw new NotFoundError('profile', name)
  return profile
}

function toProfileResource(profile: ProfileObject) {
  return { apiVersion: 'v1', kind: 'Profile', ...profile } as const
}

function etagOf({ metadata }: ProfileObject): string {
  return `"${metadata.resourceVersion}"`
}
