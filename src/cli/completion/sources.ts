import { EVENT_TYPES } from '../../../api/event-type.ts'
import { LEGACY_NAME } from '../../../api/names.ts'
import { SCOPES } from '../../../api/scope.ts'
import { connect } from '../client/connect.ts'
import { readContexts } from '../client/context-file.ts'
import { queryOf } from '../client/gateway-client.ts'
import { FORMATS } from '../client/output.ts'
import type { Environment } from '../environment.ts'
import { METHODS } from '../invoke-request.ts'
import { findResource, RESOURCE_WORDS } from '../resource/resources.ts'

/** Where the words for an argument come from. */
export type Source =
  | 'files'
  | 'contexts'
  | 'functions'
  | 'namespaces'
  | 'profiles'
  | 'secrets'
  | 'tokens'
  | readonly string[]

/** By the attribute of the option. */
export const SOURCES_OF_OPTIONS: Readonly<Record<string, Source>> = {
  namespace: 'namespaces',
  context: 'contexts',
  function: 'functions',
  output: FORMATS,
  scope: SCOPES,
  for: ['condition=Ready', 'condition=Progressing=False', 'delete'],
  method: METHODS,
  type: EVENT_TYPES,
  filename: 'files',
  fromFile: 'files',
  tokenFile: 'files',
  caFile: 'files',
  envFile: 'files'
}

/** By the name of the argument, or by that of its command and it. */
export const SOURCES_OF_ARGUMENTS: Readonly<Record<string, Source>> = {
  function: 'functions',
  functions: 'functions',
  namespace: 'namespaces',
  namespaces: 'namespaces',
  profile: 'profiles',
  profiles: 'profiles',
  secret: 'secrets',
  secrets: 'secrets',
  token: 'tokens',
  'config use-context name': 'contexts',
  'config set-context name': 'contexts',
  'config delete-context name': 'contexts',
  'get what': RESOURCE_WORDS,
  'delete what': RESOURCE_WORDS,
  'describe name': 'functions',
  'top what': ['functions'],
  'completion shell': ['bash', 'zsh', 'fish']
}

/** The names that follow a word of `get` and `delete`; none of what has no names. */
export function namesOf(word: string | undefined): Source | undefined {
  const named = ['functions', 'namespaces', 'profiles', 'secrets', 'tokens'] as const
  return named.find(plural => plural === word || plural.slice(0, -1) === word)
}

/** Somebody waits at the prompt. */
const PATIENCE_MS = 1500

interface Item {
  readonly name?: string
  readonly metadata?: { readonly name: string }
}

/**
 * The words of a source: out of the gateway that `options` name, as far as it answers at once. None when anything fails, as
 * nothing may be said at the prompt.
 */
export async function wordsOf(
  source: Exclude<Source, 'files'>,
  environment: Environment,
  options: Readonly<Record<string, string>>
): Promise<readonly string[]> {
  if (typeof source !== 'string') return source
  try {
    if (source === 'contexts') return Object.keys((await readContexts(environment)).contexts)
    const { gateway, context, tokenFile, caFile, namespace } = options
    const place = { gateway, context, tokenFile, caFile, namespace }
    const given = Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined))
    const client = await connect(environment, given)
    const { path, namespaced } = findResource(source)
    const query = namespaced ? queryOf({ namespace: client.namespace }) : ''
    const { items } = await client.call<{ readonly items: readonly Item[] }>('GET', path + query, undefined, {
      timeoutMs: PATIENCE_MS
    })
    return items.map(({ name, metadata }) => metadata?.name ?? name ?? '').filter(name => LEGACY_NAME.test(name))
  } catch {
    // No gateway, no credentials, no time: the prompt stays as it is.
    return []
  }
}
