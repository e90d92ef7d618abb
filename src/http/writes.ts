import { NotFoundError } from '../../api/errors.ts'
import type { FunctionDraft, FunctionObject } from '../../api/function.ts'
import { unknownSettings } from '../../api/setting-names.ts'
import type { WriteOptions, WriteResult } from '../store/store.ts'
import type { ApiDeps } from './deps.ts'

type WriteDeps = Pick<ApiDeps, 'functions' | 'events' | 'enqueue' | 'log'>
type PutDeps = WriteDeps & Pick<ApiDeps, 'functionsPerNamespace'>

/** Writes a function down, then wakes the loop for it and records an event; a dry run does neither. */
export async function putFunction(
  deps: PutDeps,
  key: string,
  change: (current: FunctionObject | undefined) => FunctionDraft,
  options: WriteOptions = {}
): Promise<WriteResult> {
  const admission = { maxFunctions: deps.functionsPerNamespace }
  const result = await deps.functions.put(key, change, { ...options, admission })
  if (options.dryRun === true) return result
  deps.enqueue(key)
  if (result.outcome !== 'unchanged') await recordWrite(deps, result)
  return result
}

/** Asks for the deletion of a function; undefined when there is none or it is under way already. */
export async function deleteFunction(
  deps: WriteDeps,
  key: string,
  options: WriteOptions = {}
): Promise<FunctionObject | undefined> {
  const object = await deps.functions.markDeleted(key, options)
  if (object === undefined || options.dryRun === true) return object
  deps.enqueue(key)
  await recordEvent(deps, object, 'Deleted', 'deletion was asked for')
  return object
}

/** The change of a write that needs the function to be there. */
export function changeExisting(
  key: string,
  change: (current: FunctionObject) => FunctionDraft
): (current: FunctionObject | undefined) => FunctionDraft {
  return current => {
    if (current === undefined) throw new NotFoundError('function', key)
    return change(current)
  }
}

/** What would write the object as it is, but that it is not to be frozen: whoever writes it wants it to run. */
export function toDraft({ metadata, spec, scale }: FunctionObject): FunctionDraft {
  const { namespace, name, labels, annotations } = metadata
  const draft = { namespace, name, labels, annotations, spec }
  if (scale?.pinned === true) return { ...draft, scale: { pinned: true } }
  return scale?.alerted === true ? { ...draft, scale: { alerted: true } } : draft
}

async function recordWrite(deps: WriteDeps, { outcome, object }: WriteResult): Promise<void> {
  const { generation } = object.metadata
  const { image, replicas } = object.spec
  const message = `generation ${generation}: ${replicas} of ${image}`
  await recordEvent(deps, object, outcome === 'created' ? 'Created' : 'Updated', message)
  const unknown = unknownSettings(object.metadata).map(({ field, message: problem }) => `${field} ${problem}`)
  if (unknown.length > 0) await recordEvent(deps, object, 'SettingUnknown', unknown.join('; '))
}

async function recordEvent(
  deps: WriteDeps,
  { metadata: { namespace, name, uid } }: FunctionObject,
  reason: 'Created' | 'Updated' | 'Deleted' | 'SettingUnknown',
  message: string
): Promise<void> {
  const type = reason === 'SettingUnknown' ? 'Warning' : 'Normal'
  try {
    await deps.events.record({ namespace, name, uid, type, reason, message })
  } catch (err) {
    // The write is committed: its answer must not become an error.
    deps.log.warn({ err, key: `${namespace}/${name}`, reason }, 'Lost event')
  }
}
