import type { Undecided } from '../../api/adoption.ts'
import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import { parseKey } from '../../api/meta.ts'
import type { Signer } from '../../api/signature.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { rebuild } from '../adopt/plan.ts'
import { toOwnedContainer } from '../owned.ts'
import type { Step } from './step.ts'

/** Tells of functions that wait for a person, because what runs of them is newer than the database. */
export interface Holds {
  /** Rejects while the engine cannot be read. */
  readonly heldOf: (key: string, signal: AbortSignal) => Promise<Undecided | undefined>
  /** The same, as far as it is known. */
  readonly isHeld: (key: string) => boolean
}

export interface HeldDeps {
  readonly engine: Pick<Engine, 'listContainers'>
  readonly signer: Signer
  readonly instance: string
  readonly now: () => number
  readonly holds?: Holds
}

/**
 * The function as what runs of it says, when it waits for a person. Undefined when it does not, or when nothing of it is
 * left: then there is nothing to lose.
 */
export async function heldObject(
  deps: HeldDeps,
  key: string,
  signal: AbortSignal
): Promise<FunctionObject | undefined> {
  const held = await deps.holds?.heldOf(key, signal)
  if (held === undefined) return undefined
  const { namespace, name } = parseKey(key)
  const labels = { [LABEL.instance]: deps.instance, [LABEL.namespace]: namespace, [LABEL.function]: name }
  const containers = await deps.engine.listContainers(labels, signal)
  const own = containers
    .map(container => toOwnedContainer(deps.signer, container))
    .filter(({ uid, record }) => uid === held.uid && record !== undefined)
  return rebuild(key, own, deps.now())
}

/** What is done for a function that waits: it is reached, and nothing that runs of it is touched. */
export function isHarmless({ kind }: Step): boolean {
  return kind === 'connect-gateway'
}
