import { ClosedNetworks } from './closed-networks.ts'
import { aheadOf, openStream } from './docker-client.ts'
import { DockerContainerLogs } from './docker-container-logs.ts'
import { DockerContainers } from './docker-containers.ts'
import { DockerImages, type PullOptions } from './docker-images.ts'
import { DockerLink, type LinkOptions } from './docker-link.ts'
import { DockerNetworks } from './docker-networks.ts'
import * as translate from './docker-translate.ts'
import { refuseOldEngine } from './docker-version.ts'
import { DockerVolumes } from './docker-volumes.ts'
import { watchEvents } from './docker-watch.ts'
import type { Engine, EngineEvent, EngineInfo } from './engine.ts'

export interface DockerEngineOptions extends LinkOptions, PullOptions {
  /** Told of networks as they are listed and made. */
  readonly closedNetworks?: ClosedNetworks
}

/** The engine behind a Docker socket. Nothing of dockerode, neither types nor errors, gets out of here. */
export interface DockerEngine extends Engine {
  /** Whether calls are kept away from it. */
  readonly isAway: boolean
  /** Notes how a heartbeat ended: one that was not answered keeps every call away, until one is. */
  readonly noteBeat: (err?: unknown) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** An engine that nothing is asked of yet; disposing of it drops the connections. Throws when there is no such kind of host. */
export function createDockerEngine(options: DockerEngineOptions = {}): DockerEngine {
  const link = new DockerLink(options)
  return {
    ...new DockerContainers(link),
    ...new DockerContainerLogs(link),
    ...new DockerNetworks(link, options.closedNetworks ?? new ClosedNetworks()),
    ...new DockerVolumes(link),
    ...new DockerImages(link, options),
    ping: signal => ping(link, signal),
    info: signal => info(link, signal),
    watch: signal => watch(link, signal),
    get isAway() {
      return link.isAway
    },
    noteBeat: err => link.noteBeat(err),
    [Symbol.asyncDispose]: async () => link.drop()
  }
}

function ping(link: DockerLink, signal: AbortSignal | undefined): Promise<number> {
  return link.beat(signal, async (pings, abortSignal) => {
    const answer = await openStream(pings, '/_ping', {}, abortSignal)
    for await (const _ of answer);
    refuseOldEngine(answer)
    return aheadOf(answer)
  })
}

function info(link: DockerLink, signal: AbortSignal | undefined): Promise<EngineInfo> {
  return link.call({ operation: 'info', signal }, async ({ abortSignal }) => {
    const [about, version] = await Promise.all([link.calls.info({ abortSignal }), link.calls.version({ abortSignal })])
    return translate.toEngineInfo(about, version)
  })
}

function watch(link: DockerLink, signal: AbortSignal): AsyncIterable<EngineEvent> {
  const open = (query: Readonly<Record<string, unknown>>, abortSignal: AbortSignal) =>
    openStream(link.streams, '/events', query, abortSignal)
  return watchEvents(
    {
      // The deadline is for the answer to begin; a quiet stream may last.
      open: (query, until) =>
        link.call({ operation: 'events', signal: until }, ({ abortSignal }) => open(query, abortSignal)),
      read: (query, until, consume) =>
        link.call({ operation: 'events_recall', signal: until }, async ({ abortSignal }) =>
          consume(await open(query, abortSignal))
        )
    },
    signal
  )
}
