import type { Document, LineCounter, Node } from 'yaml'
import { terminalSafe } from '../client/terminal.ts'
import { usageError } from '../exit-code.ts'
import type { Source } from './source.ts'

type Yaml = typeof import('yaml')

/** Something that is wrong, and where: `stack.yml:3:5`. */
export interface Fault {
  readonly at: string
  readonly message: string
}

/** One YAML or JSON document of a text. */
export class ManifestDocument {
  readonly source: Source
  readonly #document: Document
  readonly #lines: LineCounter
  readonly #yaml: Yaml

  constructor(yaml: Yaml, source: Source, document: Document, lines: LineCounter) {
    this.#yaml = yaml
    this.source = source
    this.#document = document
    this.#lines = lines
  }

  /** What it says. Throws when it holds more aliases than anybody writes. */
  toValue(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: 100 })
    } catch (err) {
      throw usageError(`${this.at([])}: ${(err as Error).message}`)
    }
  }

  /** Puts what `change` makes of it in the place of each scalar that is no key. */
  mapScalars(change: (value: unknown, source: string | undefined, at: string) => unknown): void {
    this.#yaml.visit(this.#document, {
      Scalar: (key, node) => {
        if (key !== 'key') node.value = change(node.value, node.source, this.#position(node.range?.[0] ?? 0))
      }
    })
  }

  /**
   * Where the value of this path is, or what there is of it: `stack.yml:3:5`. A key may hold dots, and be given as the
   * parts between them.
   */
  at(path: readonly string[]): string {
    return this.#position(this.#find(this.#document.contents, path)?.range?.[0] ?? this.#document.range?.[0] ?? 0)
  }

  #find(node: Node | null, path: readonly string[]): Node | null {
    if (path.length === 0) return node
    for (let length = path.length; length > 0; length--) {
      const key = path.slice(0, length).join('.')
      const inner = this.#child(node, key)
      if (inner !== undefined) return this.#find(inner, path.slice(length)) ?? inner
    }
    return node
  }

  #child(node: Node | null, key: string): Node | undefined {
    const { isAlias, isMap, isNode, isSeq } = this.#yaml
    const real = isAlias(node) ? node.resolve(this.#document) : node
    if (!isMap(real) && !isSeq(real)) return undefined
    const inner: unknown = real.get(isSeq(real) ? Number(key) : key, true)
    return isNode(inner) ? inner : undefined
  }

  #position(offset: number): string {
    return positionOf(this.source, this.#lines, offset)
  }
}

/** The documents of a text, but for empty ones. Throws with every place that is no YAML. */
export async function parseDocuments(source: Source): Promise<ManifestDocument[]> {
  const yaml = await import('yaml')
  const lines = new yaml.LineCounter()
  const parsed = yaml.parseAllDocuments(source.text, { lineCounter: lines, prettyErrors: false, merge: true })
  const documents = 'empty' in parsed ? [] : parsed
  const faults = documents.flatMap(({ errors }) =>
    errors.map(({ pos, message }) => ({ at: positionOf(source, lines, pos[0]), message }))
  )
  throwFaults(faults)
  return documents
    .filter(({ contents }) => contents !== null && !(yaml.isScalar(contents) && contents.value === null))
    .map(document => new ManifestDocument(yaml, source, document, lines))
}

/** Throws what names all of them, when there are any. */
export function throwFaults(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  throw usageError(faults.map(({ at, message }) => terminalSafe(`${at}: ${message}`)).join('\n'))
}

function positionOf({ name }: Source, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${name}:${line}:${col}`
}
