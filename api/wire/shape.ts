import * as z from 'zod'

/** A text of an answer, with an example of it. */
export function text(example: string, about?: string) {
  return z.string().meta({ examples: [example], ...(about === undefined ? {} : { description: about }) })
}

/** A whole number of an answer, from 0 up, with an example of it. */
export function count(example: number, about?: string) {
  return z
    .int()
    .min(0)
    .meta({ examples: [example], ...(about === undefined ? {} : { description: about }) })
}

/** RFC 3339. */
export function timestamp(about?: string) {
  return text('2026-01-31T10:00:00.000Z', about === undefined ? 'RFC 3339' : `RFC 3339; ${about}`)
}

/** Texts by names, such as labels. */
export function texts(example: Readonly<Record<string, string>>) {
  return z.record(z.string(), z.string()).meta({ examples: [example] })
}

/** `{ apiVersion, kind, items }`, as `/v1` lists objects. */
export function listOf<T extends z.ZodType>(kind: string, item: T) {
  return z.object({ apiVersion: z.literal('v1'), kind: z.literal(kind), items: z.array(item) }).meta({ id: kind })
}
