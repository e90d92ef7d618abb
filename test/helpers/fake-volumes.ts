import type { StringMap } from '../../api/meta.ts'
import type { Volume } from '../../src/engine/engine.ts'
import type { SecretFile } from '../../src/engine/specs.ts'

interface FakeVolume extends Volume {
  files: ReadonlyMap<string, string>
  isWhole: boolean
}

/** Volumes, with the secrets that are in them. */
export class FakeVolumes {
  readonly #byName = new Map<string, FakeVolume>()
  readonly #now: () => number
  constructor(now: () => number) {
    this.#now = now
  }

  list(): Volume[] {
    return [...this.#byName.values()].map(({ name, labels, createdAt }) => ({ name, labels, createdAt }))
  }

  /** One of that name that is there stays as it is. */
  make(name: string, labels: StringMap): void {
    if (this.#byName.has(name)) return
    this.#byName.set(name, { name, labels: { ...labels }, createdAt: this.#now(), files: new Map(), isWhole: false })
  }

  remove(name: string): void {
    this.#byName.delete(name)
  }

  write(name: string, files: readonly SecretFile[]): void {
    const volume = this.#byName.get(name)
    if (volume === undefined) return
    volume.files = new Map(files.map(file => [file.name, Buffer.from(file.value).toString()]))
    volume.isWhole = true
  }

  isWhole(name: string | undefined): boolean {
    return name !== undefined && this.#byName.get(name)?.isWhole === true
  }

  /** What is in it; undefined when it is not whole. */
  contents(name: string | undefined): Readonly<Record<string, string>> | undefined {
    const volume = name === undefined ? undefined : this.#byName.get(name)
    return volume?.isWhole === true ? Object.fromEntries(volume.files) : undefined
  }
}
