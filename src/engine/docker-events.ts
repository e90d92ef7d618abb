import type { EngineEvent } from './engine.ts'
import type { EventMark } from './event-audit.ts'
import { jsonLines } from './json-lines.ts'

/** What is asked of the engine. Not `exec_*`, `attach` and the like: other containers' health checks are a flood. */
export const EVENT_FILTERS = {
  type: ['container', 'network', 'image'],
  event: [
    ...['create', 'start', 'die', 'oom', 'kill', 'stop', 'restart', 'pause', 'unpause', 'rename', 'update', 'destroy'],
    ...['connect', 'disconnect', 'remove'],
    ...['pull', 'load', 'import', 'tag', 'untag', 'delete']
  ]
}

interface RawEvent extends EventMark {
  readonly Type?: string
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> }
}

/**
 * The events of the engine's stream, those of other kinds left out; `onDelivered` is told of each before. Throws on what
 * is no JSON.
 */
export async function* parseEvents(
  stream: AsyncIterable<Buffer>,
  onDelivered: (event: EventMark) => void = () => undefined
): AsyncIterable<EngineEvent> {
  for await (const raw of jsonLines(stream)) {
    onDelivered(raw as RawEvent)
    const event = toEvent(raw as RawEvent)
    if (event !== undefined) yield event
  }
}

/** The labels of a container's event come with its other attributes (`name`, `image`, `exitCode`) among them. */
function toEvent({ Type: type, Action: action = '', Actor: actor }: RawEvent): EngineEvent | undefined {
  const id = actor?.ID ?? ''
  const attributes = actor?.Attributes ?? {}
  if (type === 'container') return { kind: 'container', action, id, labels: attributes }
  if (type === 'image') return { kind: 'image', action, reference: attributes['name'] ?? id }
  if (type !== 'network') return undefined
  const { name = '', container } = attributes
  return { kind: 'network', action, name, ...(container === undefined ? {} : { container }) }
}
