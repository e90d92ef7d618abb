/**
 * Prints a flame graph (SVG) of a `.cpuprofile`: `node hack/bench/flame-graph.ts FILE > OUT.svg`. Width is time, the program's
 * idle time and what it did to load itself left out; what took less than 0.4 % is not drawn.
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** What ran, with what it called; equal callees of one caller are one. */
interface Frame {
  readonly name: string
  readonly kind: 'ours' | 'undici' | 'node' | 'native'
  micros: number
  readonly callees: Map<string, Frame>
}

const WIDTH = 1200
const ROW = 16
const CHAR = 6.2
const LEAST_SHARE = 0.004
const FILLS = { ours: '#e8743b', undici: '#f2b544', node: '#7fb2d9', native: '#c5c9cc' }
const LEGEND = 'orange: ours, yellow: undici, blue: node, grey: V8 and the kernel’s part'

/** The profile as a tree of calls. */
export function toFrames({ nodes, samples, timeDeltas }: Profile): Frame {
  const own = new Map<number, number>()
  samples.forEach((id, i) => {
    own.set(id, (own.get(id) ?? 0) + (timeDeltas[i] ?? 0))
  })
  const byId = new Map(nodes.map(node => [node.id, node]))
  const add = (into: Frame, id: number): void => {
    const node = byId.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)' || isLoading(node)) return
    const frame = calleeOf(into, node)
    frame.micros += own.get(id) ?? 0
    for (const child of node.children ?? []) {
      const before = sumOf(frame)
      add(frame, child)
      frame.micros += sumOf(frame) - before
    }
  }
  const root: Frame = { name: 'all', kind: 'native', micros: 0, callees: new Map() }
  for (const child of nodes[0]?.children ?? []) add(root, child)
  root.micros = sumOf(root)
  return root
}

function isLoading({ callFrame: { functionName, url } }: ProfileNode): boolean {
  return (
    functionName === '(program)' || url.startsWith('node:internal/modules') || url === 'node:internal/bootstrap/realm'
  )
}

function sumOf({ callees }: Frame): number {
  return callees.values().reduce((sum, callee) => sum + callee.micros, 0)
}

function calleeOf(caller: Frame, { callFrame }: ProfileNode): Frame {
  const { functionName, url, lineNumber } = callFrame
  const name = `${functionName || '(anonymous)'}${url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`}`
  const found = caller.callees.get(name)
  if (found !== undefined) return found
  const made: Frame = { name, kind: kindOf(url), micros: 0, callees: new Map() }
  caller.callees.set(name, made)
  return made
}

function kindOf(url: string): Frame['kind'] {
  if (url.startsWith('node:')) return 'node'
  if (url.includes('/undici/')) return 'undici'
  return url === '' ? 'native' : 'ours'
}

/** The tree as an SVG, callers below their callees. */
export function toSvg(root: Frame): string {
  const boxes: string[] = []
  const height = (depthOf(root, root.micros) + 2) * ROW
  const draw = (frame: Frame, x: number, depth: number): void => {
    const width = (frame.micros / root.micros) * WIDTH
    if (frame.micros / root.micros < LEAST_SHARE) return
    boxes.push(boxOf(frame, { x, y: height - (depth + 1) * ROW, width, share: frame.micros / root.micros }))
    let at = x
    for (const callee of [...frame.callees.values()].toSorted((a, b) => b.micros - a.micros)) {
      draw(callee, at, depth + 1)
      at += (callee.micros / root.micros) * WIDTH
    }
  }
  draw(root, 0, 0)
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">`
  const legend = `<text x="4" y="11">${LEGEND}</text>`
  return `${head}\n<rect width="100%" height="100%" fill="#fff"/>${legend}\n${boxes.join('\n')}\n</svg>\n`
}

function depthOf(frame: Frame, total: number): number {
  if (frame.micros / total < LEAST_SHARE) return 0
  return 1 + Math.max(0, ...[...frame.callees.values()].map(callee => depthOf(callee, total)))
}

function boxOf(
  { name, kind }: Frame,
  { x, y, width, share }: { readonly x: number; readonly y: number; readonly width: number; readonly share: number }
): string {
  const text = escapeXml(name.slice(0, Math.max(0, Math.floor((width - 4) / CHAR))))
  const title = `<title>${escapeXml(name)} ${(share * 100).toFixed(1)} %</title>`
  const place = `x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}"`
  const label = text.length < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${text}</text>`
  return `<g>${title}<rect ${place} fill="${FILLS[kind]}"/>${label}</g>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const [file] = process.argv.slice(2)
if (import.meta.main && file !== undefined) {
  process.stdout.write(toSvg(toFrames(JSON.parse(readFileSync(file, 'utf8')) as Profile)))
}
