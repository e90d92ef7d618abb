import type { IncomingMessage, ServerResponse } from 'node:http'
import { ActiveCalls } from './active-calls.ts'
import { Call } from './call.ts'
import type { ActiveCall, CallContext } from './call-context.ts'
import { CallLimitsTable } from './call-limits.ts'
import { Overload } from './overload.ts'
import { PassiveHealth } from './passive-health.ts'
import { EndpointPools } from './pools.ts'
import type { ProxyDeps, ProxyTarget } from './proxy-deps.ts'
import { Shedder } from './shedder.ts'
import { isAsleep, isWaiting, turnOf } from './turn.ts'
import { UsedBuffers } from './used-buffers.ts'
import { WaitingRoom } from './waiting-room.ts'
import { Wakes } from './wakes.ts'

const MAX_PER_ENDPOINT = 1_000
const WAIT_TOTAL_FACTOR = 8
const WAIT_BYTES_MAX = 16 * 1024 * 1024
const OVERLOAD = { callsMax: 0, delayMs: 1_000 }

/** The invocation path: from a request that node:http parsed to a replica and back. No database and no Docker. */
export interface InvocationProxy {
  /** Answers the request. Returns at once. */
  handle: (req: IncomingMessage, res: ServerResponse, target: ProxyTarget) => void
  /** Lets calls of the function that wait look again whether they still have to. */
  wake: (key: string) => void
  /**
   * The token is no longer good: sessions that were opened by it end, and so do answers that go on. What was called and has not answered
   * yet does, as it may be half done.
   */
  endToken: (tokenId: string) => void
  /**
   * Refuses calls that wait, lets the others end for `graceMs`, then cuts them off and refuses all. Until then calls that
   * still come over kept connections are served, and told that the connection ends. Sessions such as WebSockets last as long as
   * the last call, and are closed then.
   */
  close: (graceMs: number) => Promise<void>
}

/** A proxy over the endpoint table. */
export function createProxy(deps: ProxyDeps): InvocationProxy {
  const { table, metrics } = deps
  const room = createRoom(deps)
  const wakes = new Wakes(deps.onWake)
  const pools = new EndpointPools(key => table.get(key)?.settings?.connectTimeoutMs ?? deps.timeouts.connectMs)
  const { timeouts, maxPerEndpoint: perReplica = MAX_PER_ENDPOINT } = deps
  const clock = { tick: 0 }
  const limits = new CallLimitsTable({ timeouts, perReplica, clock })
  const active = new ActiveCalls<ActiveCall>()
  const servedBy = deps.servedBy ?? 'docker-faas'
  const overload = createOverload(deps)
  const shedder = new Shedder(servedBy)
  const context: CallContext = {
    deps,
    limits,
    health: new PassiveHealth(),
    shedder,
    servedBy,
    room,
    wakes,
    pools,
    used: new UsedBuffers(),
    retrying: new Set(),
    active,
    isClosing: false,
    isClosed: false,
    clock,
    pace: limits.defaults.pace
  }
  const ticker = startTicks({ active, clock, pace: context.pace })
  const stopEnds = table.onEnd((containerId, why) => {
    for (const call of active.list()) call.onReplicaEnd?.(containerId, why)
  })
  const stopChanges = table.onChange((key, route) => {
    pools.retain(key, route)
    wakes.changed(key, route)
    if (route === undefined) room.evict(key)
    else if (!isWaiting(turnOf(key, deps))) room.wake(key)
    else if (isAsleep(route) && room.has(key)) wakes.ask(route)
  })
  return {
    handle: (req, res, target) => {
      if (overload.admits(active.size) || context.isClosing) new Call(context, req, res, target).start()
      else {
        metrics.shed(`${target.namespace}/${target.name}`, 'overload')
        shedder.refuse(req, res, target.owesContinue === true)
      }
    },
    wake: key => room.wake(key),
    endToken: tokenId => {
      for (const call of active.list()) if (call.tokenId === tokenId) call.onTokenEnd()
    },
    close: async graceMs => {
      context.isClosing = true
      overload.stop()
      shedder.stop()
      room.wakeAll()
      for (const waiting of [...context.retrying]) waiting.endWait()
      await whenDrained(active, graceMs)
      context.isClosed = true
      for (const call of active.list()) call.shutDown()
      stopChanges()
      stopEnds()
      clearInterval(ticker)
      limits.stop()
      shedder.stop()
      await pools.destroy()
    }
  }
}

/** Calls without a clock of their own are looked at in every tick. */
function startTicks({ active, clock, pace }: Pick<CallContext, 'active' | 'pace'> & { clock: { tick: number } }) {
  const look = () => {
    clock.tick++
    for (const call of active.list()) if (call.ticker === undefined) call.checkStall()
  }
  return setInterval(look, pace.tickMs).unref()
}

function createOverload({ overload, clock, random, log }: ProxyDeps): Overload {
  return new Overload({ ...OVERLOAD, ...overload, now: clock.monotonic, random, log })
}

function createRoom(deps: ProxyDeps): WaitingRoom {
  const { waitMax, metrics } = deps
  const waitBytes = deps.waitBytesMax ?? WAIT_BYTES_MAX
  return new WaitingRoom({
    perKey: { guests: waitMax, bytes: waitBytes },
    total: { guests: deps.waitMaxTotal ?? waitMax * WAIT_TOTAL_FACTOR, bytes: waitBytes * WAIT_TOTAL_FACTOR },
    now: deps.clock.monotonic,
    mustWait: key => isWaiting(turnOf(key, deps)),
    onCount: metrics.waiting
  })
}

/** How often the end of the last call is looked for while the proxy closes. */
const DRAIN_CHECK_MS = 10

async function whenDrained(active: ActiveCalls<ActiveCall>, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const isDrained = () => active.list().every(call => call.isSession)
  const check = setInterval(() => isDrained() && resolve(), DRAIN_CHECK_MS)
  const timer = setTimeout(resolve, graceMs)
  if (isDrained()) resolve()
  await promise
  clearInterval(check)
  clearTimeout(timer)
}
