import { address, bool, bytes, cpu, duration, field, integer, portRange } from './field.ts'
import { HOUR_MS, MAX_COUNT, SECOND_MS } from './units.ts'

/** What functions get that do not ask for something else, and the most that they may ask for. */
export const functionFields = {
  DEFAULT_REPLICAS: field(integer(0, 10_000), '1', 'Replicas of a new function that names no number'),
  MAX_REPLICAS: field(integer(1, 10_000), '10', 'Most replicas that a function may ask for'),
  AUTOSCALER_ENABLED: field(bool, 'true', 'Whether functions are scaled by their calls, and idle ones to zero'),
  AUTOSCALER_STABLE_WINDOW: field(
    duration(SECOND_MS, HOUR_MS),
    '60s',
    'The load of a function is a mean over so long; it scales down only to the most that was wanted in so long'
  ),
  AUTOSCALER_BURST_WINDOW: field(
    duration(SECOND_MS, HOUR_MS),
    '6s',
    'A function scales up at once for a mean over so short a time'
  ),
  AUTOSCALER_STEP_MAX: field(
    integer(1, 10_000),
    '4',
    'Most replicas that are added to a function at once; as many as are ready may always be added'
  ),
  FUNCTIONS_PER_NAMESPACE_MAX: field(integer(0, MAX_COUNT), '2000', 'Most functions in one namespace; 0: any number'),
  MEMORY_DEFAULT: field(
    bytes('6Mi'),
    '',
    'Memory limit of functions that name none; not set: nine tenths of what the engine has'
  ),
  CPU_DEFAULT: field(cpu, '', 'CPU limit of functions that name none; not set: nine tenths of the cores of the engine'),
  PIDS_LIMIT: field(integer(16, 4_194_304), '512', 'Most processes and threads in one replica'),
  TMPFS_BYTES: field(bytes('64Ki'), '64Mi', "Size of a replica's /tmp, which is memory"),
  LOG_MAX_BYTES: field(bytes('64Ki'), '10Mi', "Size at which the engine rotates a replica's log"),
  DEBUG_BIND_ADDRESS: field(
    address,
    '127.0.0.1',
    "Address of the engine's host that debug ports are bound on; who reaches one runs code in the function"
  ),
  DEBUG_PORT_RANGE: field(
    portRange(3),
    '20000-21999',
    "Ports of the engine's host for debuggers, three for each replica of a function with debug"
  )
} as const
