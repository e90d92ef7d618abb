import type { EntityManager } from '@mikro-orm/sqlite'
import { type Clock, toTimestamp } from '../clock.ts'
import { PulledImageEntity } from './entities.ts'
import { type Database, PLAIN } from './orm.ts'
import type { ImageStore, PulledImage } from './store.ts'

/** Every image that a spec names, once; the status of a function holds its pin. */
const WANTED = `SELECT json_extract(spec, '$.image') AS wanted FROM revisions
  UNION SELECT json_extract(spec, '$.image') FROM functions
  UNION SELECT json_extract(status, '$.image.id') FROM functions
  UNION SELECT json_extract(status, '$.image.digest') FROM functions`

/** The record of pulls in SQLite. See `ImageStore` for what each method promises. */
export class PulledImages implements ImageStore {
  readonly #database: Database
  readonly #clock: Clock
  constructor(deps: { readonly database: Database; readonly clock: Clock }) {
    this.#database = deps.database
    this.#clock = deps.clock
  }

  async list(): Promise<PulledImage[]> {
    const rows = await this.#database.read(em => em.find(PulledImageEntity, {}, { ...PLAIN, orderBy: { id: 'asc' } }))
    const images = new Map<string, PulledImage>()
    for (const { imageId, reference, unusedSince } of rows) {
      const references = [...(images.get(imageId)?.references ?? []), reference]
      images.set(imageId, {
        imageId,
        references,
        ...(typeof unusedSince !== 'string' ? {} : { unusedSince: Date.parse(unusedSince) })
      })
    }
    return [...images.values()]
  }

  async record(imageId: string, reference: string): Promise<void> {
    const pulledAt = toTimestamp(this.#clock.now())
    await this.#database.write(async em => {
      const changed = await em.nativeUpdate(PulledImageEntity, { imageId, reference }, { pulledAt })
      if (changed === 0) await em.insert(PulledImageEntity, { imageId, reference, pulledAt, unusedSince: null })
      await setUnusedSince(em, imageId, undefined)
    })
  }

  async putUnusedSince(imageId: string, since: number | undefined): Promise<void> {
    await this.#database.write(em => setUnusedSince(em, imageId, since))
  }

  async forget(imageId: string): Promise<void> {
    await this.#database.write(em => em.nativeDelete(PulledImageEntity, { imageId }))
  }

  async wanted(): Promise<string[]> {
    const rows = await this.#database.read(em => em.execute<{ wanted: string | null }[]>(WANTED))
    return rows.flatMap(({ wanted }) => wanted ?? [])
  }
}

async function setUnusedSince(em: EntityManager, imageId: string, since: number | undefined): Promise<void> {
  const unusedSince = since === undefined ? null : toTimestamp(since)
  await em.nativeUpdate(PulledImageEntity, { imageId }, { unusedSince })
}
