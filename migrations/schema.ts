/** The tables of the older program, as its versions 1 and 2 made them. Source: its database files. */
export const LEGACY_FUNCTIONS = `CREATE TABLE IF NOT EXISTS functions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE NOT NULL,
  image TEXT NOT NULL,
  env_process TEXT,
  env_vars TEXT,
  labels TEXT,
  secrets TEXT,
  network TEXT NOT NULL,
  replicas INTEGER NOT NULL DEFAULT 1,
  limits TEXT,
  requests TEXT,
  read_only BOOLEAN NOT NULL DEFAULT 0,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
)`

export const LEGACY_INDEXES = [
  'CREATE INDEX IF NOT EXISTS idx_functions_name ON functions(name)',
  'CREATE INDEX IF NOT EXISTS idx_functions_created_at ON functions(created_at)'
]

export const LEGACY_DEBUG = 'ALTER TABLE functions ADD COLUMN debug BOOLEAN NOT NULL DEFAULT 0'

/** The log of migrations; the older program has the same. */
export const SCHEMA_MIGRATIONS = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  description TEXT NOT NULL,
  applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)`

/** The tables of version 3. Times are RFC 3339 in UTC, objects are JSON, both as text. */
export const OBJECT_TABLES = [
  `CREATE TABLE functions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  generation INTEGER NOT NULL,
  resource_version INTEGER NOT NULL,
  spec TEXT NOT NULL,
  labels TEXT NOT NULL,
  annotations TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  deletion_requested_at TEXT,
  UNIQUE (namespace, name)
)`,
  `CREATE TABLE revisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  function_uid TEXT NOT NULL REFERENCES functions(uid) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  spec TEXT NOT NULL,
  labels TEXT NOT NULL,
  annotations TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (function_uid, revision)
)`,
  `CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  type TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL
)`,
  'CREATE INDEX idx_events_object ON events(namespace, name, last_at)',
  'CREATE INDEX idx_events_uid ON events(uid, last_at)',
  'CREATE INDEX idx_events_last_at ON events(last_at)',
  `CREATE TABLE meta (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
)`
]

/** The table of version 4: an image under each reference that it was pulled by. */
export const PULLED_IMAGES = `CREATE TABLE pulled_images (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_id TEXT NOT NULL,
  reference TEXT NOT NULL,
  pulled_at TEXT NOT NULL,
  unused_since TEXT,
  UNIQUE (image_id, reference)
)`

/** The table of version 5. Values are encrypted: key id, nonce and ciphertext (with the tag) belong together. */
export const SECRETS = `CREATE TABLE secrets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  content_id TEXT NOT NULL,
  resource_version INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  ciphertext TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (namespace, name)
)`

/**
 * The tables of version 6. Rows are chained by their `mac`; the marks say where the chain begins (`anchor`, when older rows were
 * removed) and ends (`head`). The triggers keep mistakes away; what is done on purpose shows in the chain.
 */
export const AUDIT_TABLES = [
  `CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  token_id TEXT,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  verb TEXT NOT NULL,
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  before TEXT,
  after TEXT,
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  code TEXT,
  request_id TEXT NOT NULL,
  count INTEGER NOT NULL,
  detail TEXT,
  mac TEXT NOT NULL
)`,
  'CREATE INDEX idx_audit_at ON audit(at)',
  'CREATE INDEX idx_audit_object ON audit(namespace, name)',
  `CREATE TABLE audit_marks (
  name TEXT PRIMARY KEY NOT NULL,
  id INTEGER NOT NULL,
  mac TEXT NOT NULL,
  seal TEXT NOT NULL
)`,
  `CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'rows of the audit log are not changed'); END`,
  `CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
WHEN OLD.id > COALESCE((SELECT id FROM audit_marks WHERE name = 'anchor'), 0)
BEGIN SELECT RAISE(ABORT, 'rows of the audit log are removed from its beginning only'); END`
]

/** The table of version 7. `digest` is the SHA-256 of the secret, `namespaces` NULL for all. */
export const TOKENS = [
  `CREATE TABLE tokens (
  id TEXT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  scopes TEXT NOT NULL,
  namespaces TEXT,
  password_mark TEXT,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TEXT,
  last_used_at TEXT
)`,
  "CREATE UNIQUE INDEX idx_tokens_name ON tokens(name) WHERE kind = 'token'"
]

/** The column of version 8: JSON (`FunctionScale`), or NULL when nothing was decided. */
export const SCALE_COLUMN = 'ALTER TABLE functions ADD COLUMN scale TEXT'

/**
 * The tables of version 9. Times are milliseconds since the epoch: they are compared with each write. What a call carries, and what
 * its callback will, is apart, as every write of a row writes all of it.
 */
export const INVOCATION_TABLES = [
  `CREATE TABLE invocations (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  call_id TEXT NOT NULL,
  dedupe_key TEXT,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  remote_address TEXT,
  body_bytes INTEGER NOT NULL,
  phase TEXT NOT NULL,
  reason TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  accepted_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  owner TEXT,
  lease_until INTEGER,
  finished_at INTEGER,
  status INTEGER,
  duration_ms INTEGER,
  callback_url TEXT,
  callback_state TEXT,
  callback_attempts INTEGER NOT NULL DEFAULT 0,
  callback_error TEXT
)`,
  'CREATE INDEX idx_invocations_due ON invocations(namespace, name, phase, due_at)',
  "CREATE INDEX idx_invocations_age ON invocations(namespace, name, accepted_at) WHERE phase = 'queued'",
  'CREATE INDEX idx_invocations_leased ON invocations(lease_until) WHERE lease_until IS NOT NULL',
  'CREATE INDEX idx_invocations_finished ON invocations(phase, finished_at) WHERE finished_at IS NOT NULL',
  'CREATE INDEX idx_invocations_call ON invocations(call_id)',
  'CREATE UNIQUE INDEX idx_invocations_dedupe ON invocations(dedupe_key) WHERE dedupe_key IS NOT NULL',
  `CREATE TABLE invocation_payloads (
  seq INTEGER NOT NULL REFERENCES invocations(seq) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  head TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (seq, kind)
)`
]

/** The table of version 10. Times are milliseconds since the epoch, `done` is JSON (`Span[]`). */
export const SCHEDULES = `CREATE TABLE schedules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  function_uid TEXT NOT NULL REFERENCES functions(uid) ON DELETE CASCADE,
  schedule TEXT NOT NULL,
  timezone TEXT NOT NULL,
  done TEXT NOT NULL,
  seen_until INTEGER NOT NULL,
  suspended INTEGER NOT NULL,
  claim INTEGER,
  last_tick INTEGER,
  last_at INTEGER,
  last_call TEXT,
  runs INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  UNIQUE (function_uid, schedule, timezone)
)`

/** The column of version 11: where an event stands among all of them. */
export const EVENT_POSITIONS = [
  'ALTER TABLE events ADD COLUMN resource_version INTEGER NOT NULL DEFAULT 0',
  'CREATE INDEX idx_events_resource_version ON events(resource_version)'
]

/** The table of version 12. */
export const INVOCATION_COUNTS = `CREATE TABLE invocation_counts (
  function_uid TEXT PRIMARY KEY NOT NULL REFERENCES functions(uid) ON DELETE CASCADE,
  count INTEGER NOT NULL
)`

/** The table of version 13, and its index. */
export const LAST_LINES = [
  `CREATE TABLE last_lines (
  container_id TEXT PRIMARY KEY NOT NULL,
  function_uid TEXT NOT NULL REFERENCES functions(uid) ON DELETE CASCADE,
  instance TEXT NOT NULL,
  removed_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  lines TEXT NOT NULL
)`,
  'CREATE INDEX idx_last_lines_function ON last_lines(function_uid)'
]

/** The table of version 14. `labels` and `annotations` are JSON. */
export const NAMESPACES = `CREATE TABLE namespaces (
  name TEXT PRIMARY KEY NOT NULL,
  labels TEXT NOT NULL,
  annotations TEXT NOT NULL,
  created_at TEXT NOT NULL,
  resource_version INTEGER NOT NULL
)`

/** The table of version 15. Labels, annotations and spec are JSON. */
export const PROFILES = `CREATE TABLE profiles (
  name TEXT PRIMARY KEY NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  resource_version INTEGER NOT NULL,
  labels TEXT NOT NULL,
  annotations TEXT NOT NULL,
  spec TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
)`
