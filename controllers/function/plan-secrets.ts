import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'
import type { Step } from './step.ts'

/**
 * What becomes of the volumes with the function's secrets: the wanted one is written before the first replica that needs
 * it is made, one that nothing uses goes, unless the engine has just refused that. A loader that is left behind shows that its volume was not written to the end. Pure.
 */
export function planSecrets(desired: Desired, observed: Observed, isCreating: boolean): Step[] {
  const { volumes = [], keptVolumes = [], loaders = [], replicas } = observed
  const wanted = desired.deleting ? undefined : desired.secrets?.volume
  const used = new Set([...replicas.map(({ container }) => container), ...loaders].map(c => c.secretsVolume))
  for (const { name } of keptVolumes) used.add(name)
  const steps: Step[] = loaders.map(({ id, name }) => ({ kind: 'remove-loader', name, id, cause: 'left behind' }))
  for (const name of volumes.filter(volume => volume !== wanted && !used.has(volume))) {
    steps.push({ kind: 'remove-secrets', name, cause: desired.deleting ? 'function deleted' : 'outdated' })
  }
  if (wanted === undefined || !isCreating || observed.network?.ours === false) return steps
  const isHalf = loaders.some(({ secretsVolume }) => secretsVolume === wanted)
  if (!volumes.includes(wanted)) steps.push({ kind: 'write-secrets', name: wanted, cause: 'missing' })
  else if (isHalf) steps.push({ kind: 'write-secrets', name: wanted, cause: 'may not be whole' })
  return steps
}
