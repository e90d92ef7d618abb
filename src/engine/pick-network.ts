import { LABEL } from '../../api/labels.ts'
import type { NetworkSummary } from './engine.ts'

/** Of several networks of one name: the one with our labels, and of several such the oldest. */
export function pickNetwork(networks: readonly NetworkSummary[], name: string): NetworkSummary | undefined {
  const isOurs = (n: NetworkSummary) => n.labels[LABEL.instance] !== undefined
  return networks
    .filter(n => n.name === name)
    .toSorted((a, b) => Number(isOurs(b)) - Number(isOurs(a)) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    .at(0)
}
