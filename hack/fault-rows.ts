/** What may go wrong. The id is in the title of each test that injects it. */
export interface FaultRow {
  readonly id: string
  /** The fault, and what must be seen. */
  readonly text: string
  /** Why no test here injects it; absent when one must. */
  readonly untested?: string
}

const LATER = 'comes with the work on the data plane'
const QUEUE = 'comes with asynchronous calls'

/** By the part that fails: C the controller's process, D the engine, K containers, N networks, P ports, G images, S the database, X calls, Q the queue. */
export const FAULTS: readonly FaultRow[] = [
  { id: 'C1', text: 'SIGKILL before or during any engine call or commit: goes on from there, nothing doubled or left' },
  { id: 'C2', text: 'SIGTERM during a rollout: ends with 0 after the step under way; functions run on' },
  { id: 'C3', text: 'a pass throws what nobody expects: counted, tried again, other functions unaffected' },
  { id: 'C4', text: 'the event loop stands still for seconds: told by log and metric, nothing doubled afterwards' },
  { id: 'C5', text: 'out of memory: starts again and converges, no half of a row' },
  { id: 'C6', text: 'two processes on one database: the second does not start' },
  { id: 'C7', text: 'two installations on one engine: neither touches what the other made' },
  { id: 'C8', text: 'away for long: calls go on, all drift is repaired in the first look, without a stampede' },
  { id: 'C9', text: 'a thousand crash loops: a healthy function is still looked at within a second' },
  { id: 'C10', text: 'a hundred edits a second of one function: one rollout at a time, the last edit wins' },
  { id: 'D1', text: 'the engine restarts and takes all containers with it: they come back, calls get 503 meanwhile' },
  { id: 'D2', text: 'the engine restarts with live-restore: nothing is made anew' },
  { id: 'D3', text: 'the engine accepts calls and never answers: calls end, status says Unknown, functions go on' },
  { id: 'D4', text: 'no socket, or no permission: status says so, tried for ever, recovers by itself' },
  { id: 'D5', text: 'each call of the engine takes seconds: slower, and nothing is created twice' },
  { id: 'D6', text: 'the engine says 500 after it did it: exactly one container in the end' },
  { id: 'D7', text: 'the connection breaks in the answer: looked at again before anything is done' },
  { id: 'D8', text: 'the stream of events falls silent: noticed within a resync, drift repaired' },
  { id: 'D9', text: 'more events than anybody reads: everything is looked at again, and counted' },
  {
    id: 'D10',
    text: 'an engine that is too old is refused with a message; with a newer one the version is negotiated'
  },
  { id: 'D11', text: 'the disk of the engine is full: DiskPressure, own images collected, running functions go on' },
  { id: 'D12', text: 'a removal that takes long or got stuck: never blocks a rollout' },
  { id: 'D13', text: 'the rules of the firewall are wiped: calls go on, no container is made anew' },
  {
    id: 'D14',
    text: 'other back ends of the firewall, or no userland proxy',
    untested: 'not injected: there is one engine build on the test machines'
  },
  { id: 'D15', text: 'the clock jumps by an hour: back-offs and leases go by the monotonic clock' },
  { id: 'D16', text: 'the host reboots: a hundred functions are back within half a minute' },
  { id: 'K1', text: 'killed for memory: OOMKilled with code 137, started again with back-off' },
  { id: 'K2', text: 'crash loop: back-off up to five minutes, CrashLoopBackOff, calls get 503 at once' },
  { id: 'K3', text: 'killed by hand: replaced' },
  { id: 'K4', text: 'removed by hand: replaced, the network stays' },
  { id: 'K5', text: 'paused by hand: unpaused' },
  { id: 'K6', text: 'renamed by hand: renamed back, no second one' },
  { id: 'K7', text: 'stopped by hand: runs again' },
  { id: 'K8', text: 'taken off its network: put back' },
  { id: 'K9', text: 'put on a foreign network: taken off it, and told' },
  { id: 'K10', text: 'limits changed by hand: replaced' },
  { id: 'K11', text: 'our labels on a container that we did not make: no calls, not touched, told' },
  { id: 'K12', text: 'two containers of one ordinal: one goes, always the same' },
  { id: 'K13', text: 'runs and never listens: the rollout fails, the old revision serves' },
  { id: 'K14', text: 'ignores its stop signal: out of the table first, killed after its grace' },
  { id: 'K15', text: 'fork bomb: the limit of processes holds' },
  { id: 'K16', text: 'fills what it may write: bounded by its file systems' },
  { id: 'K17', text: 'dies while it is paused: replaced, no call hangs' },
  { id: 'K18', text: 'the HEALTHCHECK of its image fails: not asked; readiness is by HTTP' },
  { id: 'N1', text: 'the network is removed by hand: made again with the same subnet' },
  { id: 'N2', text: 'a network that the engine never lets go: told, its subnet not used again, the function goes' },
  { id: 'N3', text: 'no subnet left: SubnetsExhausted for new functions alone, recovers' },
  { id: 'N4', text: 'a subnet that a route of the host or another network covers: another one is taken' },
  { id: 'N5', text: 'two networks of one name: a foreign one stays, of ours the second goes' },
  { id: 'N6', text: 'the bridge takes no more ports: BridgeFull, tried again' },
  { id: 'N7', text: 'the gateway is taken off a network: put back' },
  { id: 'P1', text: 'a debug port is taken by somebody else', untested: 'comes with the work on debug ports' },
  { id: 'P2', text: 'a debug port changes when the container starts again: status says the new one' },
  { id: 'G1', text: 'no such image: ImageNotFound with back-off, the old revision serves' },
  { id: 'G2', text: 'the registry wants credentials: ImagePullUnauthorized; new credentials are used at once' },
  { id: 'G3', text: 'the registry is away or busy: back-off; an image that is there is used' },
  { id: 'G4', text: 'a slow pull: progress in status, ended only when it makes none' },
  { id: 'G5', text: 'the image of a running function is removed: it runs on, and is pulled by digest when needed' },
  { id: 'G6', text: 'a tag moves: one revision is one digest' },
  { id: 'S1', text: 'SIGKILL during writes: every acknowledged write is there, the file is whole' },
  { id: 'S2', text: 'loss of power: as S1; `synchronous = NORMAL` would lose some' },
  { id: 'S3', text: 'the disk of the database is full: writes get 507, the rest goes on, recovers by itself' },
  { id: 'S4', text: 'another process holds the lock: waited for' },
  { id: 'S5', text: 'a damaged, truncated or new database: refused, or over living objects nothing is collected' },
  { id: 'S6', text: 'an older schema is migrated after a backup, a newer one refused' },
  { id: 'S7', text: 'the disk of the database turns read-only: writes get 503, the rest goes on' },
  { id: 'S8', text: 'PostgreSQL is away or fails over', untested: 'there is no PostgreSQL store yet' },
  { id: 'S9', text: 'PostgreSQL stops notifying', untested: 'there is no PostgreSQL store yet' },
  { id: 'S10', text: 'two writers of one version: one wins, the other gets 409' },
  {
    id: 'S11',
    text: 'an old backup is restored: what runs and is newer is held and shown, nothing is deleted unasked'
  },
  { id: 'X1', text: 'headers that never end: cut off, others unaffected' },
  { id: 'X2', text: 'too large headers, URL or body: 431, 414, 413' },
  { id: 'X3', text: 'request smuggling: refused and closed' },
  { id: 'X4', text: 'hop-by-hop headers: dropped, never ours', untested: LATER },
  { id: 'X5', text: 'WebSocket and SSE through a rollout', untested: LATER },
  { id: 'X6', text: 'the caller leaves: the call to the function is aborted, nothing is kept' },
  { id: 'X7', text: 'the function never answers: 504 at the timeout' },
  { id: 'X8', text: 'a broken answer: 502, or cut off where it broke' },
  { id: 'X9', text: 'a kept connection was closed: sent again only when nothing was sent; no POST twice' },
  { id: 'X10', text: 'a replica dies under calls: no more calls to it, safe ones go to another' },
  { id: 'X11', text: 'a thousand calls of a cold function', untested: LATER },
  { id: 'X12', text: 'scaling down while a call comes', untested: LATER },
  { id: 'X13', text: 'twice the calls that it can serve', untested: LATER },
  { id: 'X14', text: 'SIGTERM under load: no call fails' },
  { id: 'X15', text: 'malformed names and paths: 400 or 404, never another function' },
  { id: 'X16', text: 'HTTP/1.0, HEAD, 1xx, trailers', untested: LATER },
  { id: 'X17', text: 'a function that calls itself', untested: LATER },
  { id: 'Q1', text: 'SIGKILL with asynchronous calls under way', untested: QUEUE },
  { id: 'Q2', text: 'a callback that is dead, slow or private', untested: QUEUE }
]
