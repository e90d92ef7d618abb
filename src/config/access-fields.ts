import { bool, cidrs, duration, field, integer, origins, path, text } from './field.ts'
import { HOUR_MS, MAX_COUNT, SECOND_MS, YEAR_MS } from './units.ts'

const user = text(/^[^:\s\p{Cc}]{1,64}$/u, 'text', "1 to 64 characters without ':' or spaces", 'admin')

/** Who is let in: certificates, web pages, passwords and proxies; how often, and what is written down of it. */
export const accessFields = {
  TLS_CERT_FILE: field(
    path,
    '',
    'File with the certificate of GATEWAY_PORT and its chain, in PEM; read again when it changes. Not set: plain HTTP'
  ),
  TLS_KEY_FILE: field(path, '', 'File with the key of that certificate, in PEM and without a passphrase'),
  CORS_ALLOWED_ORIGINS: field(
    origins,
    '',
    'Origins of web pages that may use the API from a browser; *: any, but only with a token that they bring themselves'
  ),
  AUTH_ENABLED: field(bool, 'true', 'Whether the API asks for a password'),
  AUTH_USER: field(user, 'admin', 'Name of the administrator', { secret: true }),
  AUTH_PASSWORD_FILE: field(path, '', "File that holds the administrator's password", { secret: true }),
  REQUIRE_AUTH_FOR_FUNCTIONS: field(bool, 'true', 'Whether calls of functions need the password too'),
  AUTH_RATE_LIMIT: field(
    integer(0, MAX_COUNT),
    '10',
    'Wrong credentials per window and address until it must wait; 0: any number'
  ),
  AUTH_RATE_WINDOW: field(duration(SECOND_MS), '1m', 'Window in which wrong credentials are counted'),
  AUTH_TOKEN_TTL: field(duration(SECOND_MS, YEAR_MS), '30m', 'How long a token of a login is good'),
  TRUST_PROXY: field(
    cidrs,
    '',
    'Networks of proxies in front whose X-Forwarded-… is believed and passed on; without any, the client is who connects'
  ),
  LOG_READERS_MAX: field(
    integer(1, 10_000),
    '100',
    'How many may read or follow logs of functions at the same time; others are told to come again'
  ),
  WATCHERS_MAX: field(
    integer(1, 10_000),
    '1000',
    'How many may watch functions or events at the same time; others are told to come again'
  ),
  API_RATE_LIMIT: field(
    integer(0, MAX_COUNT),
    '6000',
    'Most requests to the API per window and user or token, or address without authentication; calls of functions do not count; 0: any number'
  ),
  API_RATE_WINDOW: field(duration(SECOND_MS), '1m', 'Window in which requests to the API are counted'),
  AUDIT_RETENTION: field(duration(HOUR_MS, 10 * YEAR_MS), '2160h', 'How long rows of the audit log are kept'),
  AUDIT_MAX_ROWS: field(
    integer(1000, 100_000_000),
    '200000',
    'Most rows of the audit log, about half a kilobyte each; the oldest go first'
  )
} as const
