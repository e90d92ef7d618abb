import { Counter, Gauge, type Registry } from 'prom-client'

const COLLECTED_KINDS = ['container', 'network', 'volume', 'image'] as const
type CollectedKind = (typeof COLLECTED_KINDS)[number]

/** What is on the engine without use, and what was done about it. */
export interface GarbageMetrics {
  readonly setOrphans: (count: number) => void
  /** Objects that carry our labels and are not of our making. */
  readonly setForged: (count: number) => void
  /** Networks without an owner that the engine refuses to remove. */
  readonly setLeakedNetworks: (count: number) => void
  /** Images that we pulled and that nothing uses. */
  readonly setUnusedImages: (count: number) => void
  /** Whether the engine's disk is full. */
  readonly setDiskPressure: (isFull: boolean) => void
  /** Functions that wait for a person because the database is older than what runs, and whether anything waits. */
  readonly setAdoption: (functions: number, isLatched: boolean) => void
  /** Whether this process keeps the rules of the firewall. */
  readonly setFirewall: (isOn: boolean) => void
  readonly collected: (kind: CollectedKind) => void
}

export function createGarbageMetrics(registry: Registry): GarbageMetrics {
  const registers = [registry]
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers })
  const orphans = gauge('faas_gc_orphans', 'Owned objects without a living owner')
  const forged = gauge('faas_forged_objects', 'Objects with our labels that we did not make')
  const leaked = gauge('faas_gc_leaked_networks', 'Networks without an owner that the engine refuses to remove')
  const unusedImages = gauge('faas_gc_unused_images', 'Images that were pulled here and that nothing uses')
  const pressure = gauge('faas_disk_pressure', 'Whether the disk of the engine is full')
  const undecided = gauge('faas_adopt_undecided_functions', 'Functions that run and that the database does not know')
  const latched = gauge('faas_adopt_active', '1 while the database is older than what runs, and nobody has decided')
  const firewall = gauge('faas_firewall_active', 'Whether the gateway keeps the firewall that functions are behind')
  const collected = new Counter({
    ...{ name: 'faas_gc_collected_total', help: 'Orphans and unused images that were removed' },
    ...{ labelNames: ['kind'], registers }
  })
  for (const kind of COLLECTED_KINDS) collected.inc({ kind }, 0)
  return {
    setOrphans: count => orphans.set(count),
    setForged: count => forged.set(count),
    setLeakedNetworks: count => leaked.set(count),
    setUnusedImages: count => unusedImages.set(count),
    setDiskPressure: isFull => pressure.set(isFull ? 1 : 0),
    setAdoption: (functions, isLatched) => {
      undecided.set(functions)
      latched.set(isLatched ? 1 : 0)
    },
    setFirewall: isOn => firewall.set(isOn ? 1 : 0),
    collected: kind => collected.inc({ kind })
  }
}
