import { FaasError } from '../../api/errors.ts'

/** What an engine's answer means; closed, so that every one of them is thought of. */
export const ENGINE_FAULTS = [
  'not-found',
  'no-image',
  'name-in-use',
  'subnet-overlap',
  'port-in-use',
  'no-address',
  'busy',
  'unchanged',
  'unauthorized',
  'throttled',
  'no-space',
  'bridge-full',
  'timeout',
  'unavailable',
  'aborted',
  'other'
] as const
export type EngineFault = (typeof ENGINE_FAULTS)[number]

const UNREACHABLE_BACKOFF_MS = 10_000
/** Nobody tells when there is room again, and asking costs little. */
const NO_SPACE_BACKOFF_MS = 30_000

/** The one error that an `Engine` rejects with. */
export class EngineError extends FaasError {
  override name = 'EngineError'
  readonly code = 'ENGINE_ERROR'
  readonly status = 502
  /** What was asked, such as `container_create`; a label of metrics. */
  readonly operation: string
  readonly fault: EngineFault
  /** Milliseconds: an engine that is away, or lacks room, is asked again at least this often, however long that lasts. */
  readonly maxBackoffMs?: number
  /** Whether the engine as a whole answers no more, and not this one call only. */
  readonly isEngineAway: boolean
  constructor(
    operation: string,
    fault: EngineFault,
    message: string,
    options: ErrorOptions & { readonly isEngineThere?: boolean } = {}
  ) {
    super(message, options)
    this.operation = operation
    this.fault = fault
    this.isEngineAway = this.isUnreachable && options.isEngineThere !== true
    if (this.isUnreachable) this.maxBackoffMs = UNREACHABLE_BACKOFF_MS
    if (fault === 'no-space') this.maxBackoffMs = NO_SPACE_BACKOFF_MS
  }

  /** Whether the engine gave no answer, so that nothing is known of what was asked. */
  get isUnreachable(): boolean {
    return this.fault === 'unavailable' || this.fault === 'timeout'
  }
}

/** The fault of an error, `other` for one that is not the engine's. */
export function faultOf(err: unknown): EngineFault {
  return err instanceof EngineError ? err.fault : 'other'
}
