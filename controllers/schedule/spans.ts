import type { Span } from '../../api/schedule-record.ts'

/** Older ones become one with those after them: what lies between is not run again. */
const MAX_SPANS = 16

/** The spans with one more in them, sorted and apart from each other. Pure. */
export function withSpan(spans: readonly Span[], [from, to]: Span): Span[] {
  const isApart = ([start, end]: Span) => end < from || start > to
  const touched = spans.filter(span => !isApart(span))
  const joined: Span = [
    Math.min(from, ...touched.map(([start]) => start)),
    Math.max(to, ...touched.map(([, end]) => end))
  ]
  const all = [...spans.filter(isApart), joined].sort((a, b) => a[0] - b[0])
  const surplus = all.length - MAX_SPANS
  if (surplus <= 0) return all
  return [[all[0]?.[0] ?? 0, all[surplus]?.[1] ?? 0], ...all.slice(surplus + 1)]
}

/** Until when everything is done, seen from an instant: the end of the last span that has begun; undefined when none has. Pure. */
export function doneUntil(spans: readonly Span[], at: number): number | undefined {
  return spans.findLast(([from]) => from <= at)?.[1]
}
