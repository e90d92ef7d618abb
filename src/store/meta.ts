import type { EntityManager } from '@mikro-orm/sqlite'
import { MetaEntity } from './entities.ts'
import { PLAIN } from './orm.ts'

/** The version of the last write; 0 when there was none. */
export async function readResourceVersion(em: EntityManager): Promise<number> {
  return Number((await em.findOne(MetaEntity, { key: 'resource_version' }, PLAIN))?.value ?? 0)
}

/** The version of the write under way, counted in its transaction. */
export async function nextResourceVersion(em: EntityManager): Promise<number> {
  const next = (await readResourceVersion(em)) + 1
  await em.nativeUpdate(MetaEntity, { key: 'resource_version' }, { value: String(next) })
  return next
}

/** The position of the event that was recorded last; 0 when there was none. */
export async function readEventVersion(em: EntityManager): Promise<number> {
  return Number((await em.findOne(MetaEntity, { key: 'event_version' }, PLAIN))?.value ?? 0)
}

/** The position of the event that is being recorded, counted in its transaction. */
export async function nextEventVersion(em: EntityManager): Promise<number> {
  const next = (await readEventVersion(em)) + 1
  await em.nativeUpdate(MetaEntity, { key: 'event_version' }, { value: String(next) })
  return next
}

/** Raises the version of the last write to `least`, where it is lower; gives what it is then. */
export async function raiseResourceVersion(em: EntityManager, least: number): Promise<number> {
  const current = await readResourceVersion(em)
  if (least <= current) return current
  await em.nativeUpdate(MetaEntity, { key: 'resource_version' }, { value: String(least) })
  return least
}

/** A value of `meta` as it was written. */
export async function readMeta(em: EntityManager, key: string): Promise<string | undefined> {
  return (await em.findOne(MetaEntity, { key }, PLAIN))?.value
}

/** Writes a value of `meta`, or removes it. */
export async function writeMeta(em: EntityManager, key: string, value: string | undefined): Promise<void> {
  if (value !== undefined && (await em.nativeUpdate(MetaEntity, { key }, { value })) > 0) return
  if (value === undefined) await em.nativeDelete(MetaEntity, { key })
  else await em.insert(MetaEntity, { key, value })
}

/** When this database began (ms since the epoch): the first call writes `now`. */
export async function readBornAt(em: EntityManager, now: number): Promise<number> {
  const row = await em.findOne(MetaEntity, { key: 'born_at' }, PLAIN)
  if (row !== null) return Number(row.value)
  await em.insert(MetaEntity, { key: 'born_at', value: String(now) })
  return now
}

/** Uids of the functions that the older program wrote into this file: what it left running of them may be taken over. */
export async function readInheritedUids(em: EntityManager): Promise<ReadonlySet<string>> {
  const row = await em.findOne(MetaEntity, { key: 'inherited_uids' }, PLAIN)
  return new Set(row === null ? [] : (JSON.parse(row.value) as string[]))
}
