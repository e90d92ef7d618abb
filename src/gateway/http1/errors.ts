/** Why an exchange failed; `failureOf` reads the codes, which are undici's where it has one. */

/** The request cannot be sent. */
export class InvalidRequestError extends Error {
  override name = 'InvalidRequestError'
  readonly code = 'UND_ERR_INVALID_ARG'
}

/** The other side ended the connection. */
export class ConnectionEndedError extends Error {
  override name = 'ConnectionEndedError'
  readonly code = 'UND_ERR_SOCKET'
}

export class ConnectTimeoutError extends Error {
  override name = 'ConnectTimeoutError'
  readonly code = 'UND_ERR_CONNECT_TIMEOUT'
}

/** The connections of an endpoint were destroyed. */
export class DestroyedError extends Error {
  override name = 'DestroyedError'
  readonly code = 'UND_ERR_DESTROYED'
}
