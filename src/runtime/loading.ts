import { setFlagsFromString } from 'node:v8'

/** What is allocated from now on lives for good, and what runs meanwhile runs a few times only: V8 goes by that. */
export function beginLoading(): void {
  // A young generation that grew for it would keep 25 MiB that nothing needs.
  setFlagsFromString('--semi-space-growth-factor=1')
  // TurboFan makes no function fast: it weighs 7 MiB in a gateway that has no use of it yet, and takes a tenth of its start.
  // NOTE: neither `--no-turbofan` nor a bound of size, by which V8 would leave for good what ran meanwhile as it is.
  setFlagsFromString('--turbo-filter=~')
}

/** What runs from now on may run often. */
export function endLoading(): void {
  setFlagsFromString('--semi-space-growth-factor=2')
  setFlagsFromString('--turbo-filter=*')
  // Little of what calls allocate outlives them: threads that look for it side by side cost more CPU than they save time.
  setFlagsFromString('--no-parallel-scavenge')
}
