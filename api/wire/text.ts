import * as z from 'zod'

export const TextAnswer = z.string()

/** What a function answers. */
export const AnyAnswer = z.unknown()
