import { address, bytes, duration, field, integer, port } from './field.ts'
import { MAX_COUNT } from './units.ts'

/** Where the API and the functions are served, and how long and how many calls may wait and run. */
export const gatewayFields = {
  GATEWAY_ADDRESS: field(address, '0.0.0.0', 'Where the API and the functions are served'),
  GATEWAY_PORT: field(port, '8080', 'Port of the API and the functions; 0 is any free one'),
  GATEWAY_WORKERS: field(
    integer(0, 64),
    '1',
    'Processes that take connections and calls of functions, beside the one with the API and the loop; 0: that one does it all'
  ),
  WORKER_HANG_TIMEOUT: field(
    duration(1000),
    '30s',
    'A worker process that runs and says nothing for so long is killed and replaced'
  ),
  READ_TIMEOUT: field(
    duration(1),
    '60s',
    'How long a client may take to send a request to the API, and with fewer than 500 bytes a second of the body of a call; its head has 10s at most'
  ),
  WRITE_TIMEOUT: field(
    duration(1),
    '60s',
    'A client that takes nothing of an answer of the API for so long is cut off'
  ),
  EXEC_TIMEOUT: field(
    duration(1),
    '60s',
    'How long a call of a function may go on without a byte in either direction, unless the function says otherwise (docs/calls.md)'
  ),
  FUNCTION_WAIT_TIMEOUT: field(
    duration(),
    '30s',
    'How long a call is held for a function that is starting, or woken by it; annotation com.docker-faas.scale.wake-timeout says it for one function'
  ),
  FUNCTION_WAIT_MAX: field(
    integer(0, MAX_COUNT),
    '1000',
    'How many calls of one function are held while it starts; 8 times as many in all'
  ),
  FUNCTION_WAIT_BYTES_MAX: field(
    bytes('1Ki'),
    '16Mi',
    'Most bytes of heads and bodies of the calls of one function that are held; 8 times as many in all. Not set: no limit'
  ),
  FUNCTION_BODY_MAX: field(bytes('1Ki'), '1Gi', 'Most bytes in the body of a call; not set: no limit'),
  FUNCTION_CALLS_MAX: field(
    integer(0, MAX_COUNT),
    '0',
    'Most calls of all functions under way at once, sessions and streams among them; one more gets 503; 0: any number'
  ),
  OVERLOAD_DELAY: field(
    duration(10),
    '1s',
    'How late the gateway may be in looking at what comes, for a while, before it refuses some calls with 503'
  ),
  FUNCTION_HOPS_MAX: field(
    integer(0, 1000),
    '16',
    'How often a call may pass through the gateway, from function to function, before it is a loop; 0: any number'
  ),
  MAX_CONNECTIONS: field(
    integer(16, MAX_COUNT),
    '10000',
    'Most connections of clients at once, and at most half of the files that the process may open; when there are more, those that only wait go first'
  ),
  SHUTDOWN_GRACE: field(duration(), '30s', 'How long running calls may go on after the gateway is told to stop')
} as const
