/** Upper bounds, in seconds, of the durations of calls of functions. */
export const SECONDS_BUCKETS: number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60
]
