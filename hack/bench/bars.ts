import type { Bar, Cell, IdleStreams, Measured, Phase } from './data-plane-result.ts'

/** Source: issue "The data plane: from zero, under load, and without a lost call", Fast, and shown. */
const BARS = {
  cpuRatio: 3,
  throughputRatio: 0.5,
  throughputRatioOfTwo: 0.6,
  overheadMs: 0.5,
  idleStreamKiB: 25
}
const BUSY = 32

/** What the data plane is held to, each value beside its bar: of downloads, for each length of body. */
export function barsOf(phases: readonly Phase[], idle: IdleStreams): Bar[] {
  return [...phases.flatMap(barsOfPhase), idleBar(idle)]
}

function barsOfPhase({ workers, cells }: Phase): Bar[] {
  const downloads = cells.filter(cell => cell.direction === 'download')
  const suffix = ` with ${workers} workers`
  const throughput = downloads
    .filter(({ connections }) => connections === BUSY)
    .map(cell => throughputBar(cell, workers))
  if (workers > 1) return throughput.map(bar => ({ ...bar, name: bar.name + suffix }))
  const overhead = downloads.filter(({ connections }) => connections === 1).map(overheadBar)
  return [...downloads.map(cpuBar), ...throughput, ...overhead].map(bar => ({ ...bar, name: bar.name + suffix }))
}

function cpuBar(cell: Cell): Bar {
  const value = ratio(cell, measured => measured.cpuMicrosPerRequest)
  const bar = `≤ ${BARS.cpuRatio} × nginx's`
  return { name: `CPU per request, ${whatOf(cell)}`, bar, value, holds: value <= BARS.cpuRatio }
}

function throughputBar(cell: Cell, workers: number): Bar {
  const least = workers > 1 ? BARS.throughputRatioOfTwo : BARS.throughputRatio
  const value = ratio(cell, measured => measured.requestsPerSecond)
  return { name: `requests a second, ${whatOf(cell)}`, bar: `≥ ${least} × nginx's`, value, holds: value >= least }
}

/** Beside the direct way. */
function overheadBar(cell: Cell): Bar {
  const value = round(cell.gateway.p50Ms - cell.direct.p50Ms)
  const bar = `≤ ${BARS.overheadMs} ms over direct`
  return { name: `p50, ${whatOf(cell)}`, bar, value, holds: value <= BARS.overheadMs }
}

function idleBar({ streams, rssKiBPerStream }: IdleStreams): Bar {
  const bar = `≤ ${BARS.idleStreamKiB} KiB`
  const holds = rssKiBPerStream <= BARS.idleStreamKiB
  return { name: `RSS of each of ${streams} idle event streams`, bar, value: rssKiBPerStream, holds }
}

function ratio({ gateway, nginx }: Cell, of: (measured: Measured) => number | undefined): number {
  return round((of(gateway) ?? Number.NaN) / (of(nginx) ?? Number.NaN))
}

function whatOf({ connections, bodyKiB }: Cell): string {
  return `${bodyKiB} KiB over ${connections} connections`
}

function round(value: number): number {
  return Number(value.toFixed(3))
}
