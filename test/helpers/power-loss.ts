/** One thing that a program did to a file of its folder, as disk-shim.c wrote it down. */
export interface DiskOp {
  readonly kind: 'write' | 'truncate' | 'sync' | 'unlink' | 'rename'
  /** Below the folder; empty: the folder itself, which can only be synced. */
  readonly name: string
  /** Where it writes, or the new length. */
  readonly offset: number
  /** What it writes, or the new name. */
  readonly data: Buffer
}

const KINDS = { w: 'write', t: 'truncate', s: 'sync', u: 'unlink', r: 'rename' } as const
const HEAD_BYTES = 15
/** What a disk writes at once, all or nothing. */
const SECTOR_BYTES = 512

/** The journal of disk-shim.c, in the order in which things were done. */
export function readJournal(journal: Buffer): DiskOp[] {
  const ops: DiskOp[] = []
  for (let at = 0; at < journal.length; ) {
    const kind = KINDS[String.fromCharCode(journal.readUInt8(at)) as keyof typeof KINDS]
    const data = at + HEAD_BYTES + journal.readUInt16LE(at + 1)
    const end = data + journal.readUInt32LE(at + 11)
    const name = journal.toString('utf8', at + HEAD_BYTES, data)
    ops.push({ kind, name, offset: Number(journal.readBigInt64LE(at + 3)), data: journal.subarray(data, end) })
    at = end
  }
  return ops
}

interface File {
  /** Its content as of its last sync. */
  synced: Buffer
  /** What was done to it since. */
  pending: DiskOp[]
}

type Folder = Map<string, File>

/**
 * A disk that forgets, as POSIX allows: what was done to a file since its last sync may be there after a loss of power
 * or not, in any combination and torn between sectors; so may names since the last sync of their folder, in their order.
 */
export class ForgetfulDisk {
  /** What programs see. */
  readonly #folder: Folder = new Map()
  /** The names as of the last sync of the folder. */
  #synced: Folder = new Map()
  /** What the folder was like after each change of names since. */
  #since: Folder[] = []

  apply(op: DiskOp): void {
    const { kind, name } = op
    if (kind === 'sync' && name === '') {
      this.#synced = new Map(this.#folder)
      this.#since = []
      return
    }
    const file = this.#folder.get(name) ?? this.#create(name)
    if (kind === 'sync') {
      file.synced = file.pending.reduce(changed, file.synced)
      file.pending = []
    } else if (kind === 'unlink' || kind === 'rename') {
      this.#folder.delete(name)
      if (kind === 'rename') this.#folder.set(op.data.toString(), file)
      this.#since.push(new Map(this.#folder))
    } else file.pending.push(op)
  }

  /** The files that a loss of power now leaves; without `random` (in [0, 1)) nothing that was not synced. */
  afterPowerLoss(random?: () => number): Map<string, Buffer> {
    const states = [this.#synced, ...this.#since]
    const folder = states[random === undefined ? 0 : Math.floor(random() * states.length)] ?? this.#synced
    return new Map([...folder].map(([name, file]) => [name, remains(file, random)]))
  }

  #create(name: string): File {
    const file: File = { synced: Buffer.alloc(0), pending: [] }
    this.#folder.set(name, file)
    this.#since.push(new Map(this.#folder))
    return file
  }
}

function remains({ synced, pending }: File, random: (() => number) | undefined): Buffer {
  if (random === undefined) return synced
  return pending.reduce((content, op) => {
    const fate = random()
    if (fate < 1 / 3) return content
    return fate < 2 / 3 || op.kind === 'truncate' ? changed(content, op) : torn(content, op, random)
  }, synced)
}

function changed(content: Buffer, { kind, offset, data }: DiskOp): Buffer {
  const length = kind === 'truncate' ? offset : Math.max(content.length, offset + data.length)
  const after = Buffer.alloc(length)
  content.copy(after)
  if (kind === 'write') data.copy(after, offset)
  return after
}

/** Some of its sectors, by chance. */
function torn(content: Buffer, { name, offset, data }: DiskOp, random: () => number): Buffer {
  let after = content
  for (let from = 0; from < data.length; ) {
    const to = Math.min(data.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES))
    const part: DiskOp = { kind: 'write', name, offset: offset + from, data: data.subarray(from, to) }
    if (random() < 0.5) after = changed(after, part)
    from = to
  }
  return after
}
