import type { Duplex } from 'node:stream'

/** Destroys a connection so that the other side does not take it for an orderly end. */
export function reset(socket: Duplex): void {
  // Under TLS an end without its `close_notify` tells as much, and there is nothing that could be reset.
  if (hasReset(socket) && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}

function hasReset(socket: Duplex): socket is Duplex & { resetAndDestroy: () => void } {
  return 'resetAndDestroy' in socket
}
