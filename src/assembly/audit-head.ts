import { readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type AuditMark, isSealed } from '../../api/audit.ts'
import type { Config } from '../config/config.ts'

/**
 * The newest row of the audit log as the gateway last knew it, in a file of its own beside the database: whoever can write the
 * database alone cannot cut rows off its end unseen.
 */
export function auditHeadPath({ STATE_DB_PATH }: Pick<Config, 'STATE_DB_PATH'>): string {
  return join(dirname(STATE_DB_PATH), 'audit-head')
}

/** What the file holds; undefined when there is none. Throws when it is not by a holder of the key. */
export async function readAuditHead(path: string, key: Uint8Array): Promise<AuditMark | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw err
  }
  const [id = '', mac = '', seal = ''] = text.trim().split(' ')
  const mark = { id: Number(id), mac, seal }
  if (!/^\d{1,15}$/.test(id) || !isSealed(key, 'head', mark)) {
    throw new Error(`${path} is damaged, or of another instance-key than that beside it`)
  }
  return mark
}

/** Puts the mark in the place of what is there. */
export async function writeAuditHead(path: string, { id, mac, seal }: AuditMark): Promise<void> {
  const draft = `${path}.new`
  await writeFile(draft, `${id} ${mac} ${seal}\n`, { mode: 0o600 })
  await rename(draft, path)
}
