/** Bounds of variables are multiples of these. */
export const SECOND_MS = 1000
export const HOUR_MS = 3_600_000
export const YEAR_MS = 8760 * HOUR_MS

/** The most that anything countable may be set to. */
export const MAX_COUNT = 1_000_000
