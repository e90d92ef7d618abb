import { parseDuration } from './duration.ts'
import type { FieldError } from './errors.ts'
import type { FunctionObject, FunctionScale } from './function.ts'
import type { StringMap } from './meta.ts'
import { settingFault, unreadSetting } from './rule.ts'

/** How a function scales. Source of labels and defaults: OpenFaaS, but for what is named `com.docker-faas`. */
const LABEL_PREFIX = 'com.openfaas.scale.'
const LABELS = {
  min: `${LABEL_PREFIX}min`,
  max: `${LABEL_PREFIX}max`,
  factor: `${LABEL_PREFIX}factor`,
  type: `${LABEL_PREFIX}type`,
  target: `${LABEL_PREFIX}target`,
  proportion: `${LABEL_PREFIX}target-proportion`,
  zero: `${LABEL_PREFIX}zero`,
  zeroDuration: `${LABEL_PREFIX}zero-duration`,
  downWindow: `${LABEL_PREFIX}down.window`
} as const
/** How long an idle function stays frozen before its replicas are removed. */
const FREEZE_DURATION = 'com.docker-faas.scale.freeze-duration'
export const SCALING_LABELS: readonly string[] = Object.values(LABELS)
export const SCALING_ANNOTATIONS: readonly string[] = [FREEZE_DURATION]

/** What of a replica's load is looked at: calls a second, calls in flight, cores, or asynchronous calls that are not done yet. */
export const SCALE_TYPES = ['rps', 'capacity', 'cpu', 'queue'] as const
export type ScaleType = (typeof SCALE_TYPES)[number]

export interface Scaling {
  /** Least number of replicas while it is not idle; 1 at least. */
  readonly min: number
  /** Most replicas; absent: as the operator's bound and the default have it. */
  readonly max?: number
  /** Percent of `max` that a step of the default rule adds; 0 switches that rule off. */
  readonly factor: number
  readonly type: ScaleType
  /** Load of one replica that is aimed at: calls a second, calls in flight, thousandths of a core, or asynchronous calls. Absent: the default rule. */
  readonly target?: number
  /** Share of `target` that is aimed at, in (0, 1]. */
  readonly proportion: number
  /** Whether it goes to zero when it is idle. */
  readonly zero: boolean
  /** Without a call for so long, it is idle. */
  readonly zeroDurationMs: number
  /** How long it is frozen before it is removed; 0: not at all. */
  readonly freezeDurationMs: number
  /** It scales down only to the most that was wanted in so long; absent: as the autoscaler's default has it. */
  readonly downWindowMs?: number
}

const DEFAULTS: Scaling = {
  min: 1,
  factor: 20,
  type: 'rps',
  proportion: 0.9,
  zero: false,
  zeroDurationMs: 900_000,
  freezeDurationMs: 600_000
}

/** How the function scales, out of its labels and annotations; what cannot be read is as if it were left out. */
export function scalingOf({ labels, annotations }: { labels: StringMap; annotations: StringMap }): Scaling {
  const said = {
    min: wholeNumber(labels[LABELS.min], 1),
    max: wholeNumber(labels[LABELS.max], 1),
    factor: wholeNumber(labels[LABELS.factor], 0, 100),
    type: scaleType(labels[LABELS.type]),
    target: positive(labels[LABELS.target]),
    proportion: positive(labels[LABELS.proportion], 1),
    zero: truth(labels[LABELS.zero]),
    zeroDurationMs: duration(labels[LABELS.zeroDuration]),
    freezeDurationMs: duration(annotations[FREEZE_DURATION]),
    downWindowMs: duration(labels[LABELS.downWindow])
  }
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) }
}

/** What of its labels and annotations cannot be read, or contradicts itself. Pure. */
export function scalingFaults(labels: StringMap, annotations: StringMap): FieldError[] {
  const { min, max } = scalingOf({ labels, annotations })
  const isReversed = max !== undefined && min > max && labels[LABELS.min] !== undefined
  const fault = (name: string, value: unknown, rule: string) => unreadSetting('labels', labels, { name, value, rule })
  const freezing = { name: FREEZE_DURATION, value: duration(annotations[FREEZE_DURATION]), rule: DURATION_RULE }
  return [
    ...fault(LABELS.min, wholeNumber(labels[LABELS.min], 1), 'must be a whole number from 1 up'),
    ...fault(LABELS.max, wholeNumber(labels[LABELS.max], 1), 'must be a whole number from 1 up'),
    ...fault(LABELS.factor, wholeNumber(labels[LABELS.factor], 0, 100), 'must be a percentage, 0 to 100'),
    ...fault(LABELS.type, scaleType(labels[LABELS.type]), TYPE_RULE),
    ...fault(LABELS.target, positive(labels[LABELS.target]), 'must be a number above 0'),
    ...fault(LABELS.proportion, positive(labels[LABELS.proportion], 1), 'must be above 0 and at most 1'),
    ...fault(LABELS.zero, truth(labels[LABELS.zero]), 'must be true or false'),
    ...fault(LABELS.zeroDuration, duration(labels[LABELS.zeroDuration]), DURATION_RULE),
    ...fault(LABELS.downWindow, duration(labels[LABELS.downWindow]), DURATION_RULE),
    ...(isReversed ? [settingFault('labels', LABELS.min, `must be at most ${LABELS.max}, ${max}`, String(min))] : []),
    ...unreadSetting('annotations', annotations, freezing)
  ]
}

/** Whether the labels say how the function scales, so that a number of replicas in a manifest is only where it begins. */
export function isAutoscaled(labels: StringMap): boolean {
  return Object.keys(labels).some(label => label.startsWith(LABEL_PREFIX))
}

/** Whether a label names the least number of replicas, so that it is not the default. */
export function isMinNamed(labels: StringMap): boolean {
  return wholeNumber(labels[LABELS.min], 1) !== undefined
}

/** What a person's wish for `replicas` comes to: it holds until the next deployment, within the function's own bounds. */
export function pinnedAt(
  { metadata }: Pick<FunctionObject, 'metadata'>,
  replicas: number
): { readonly replicas: number; readonly scale: FunctionScale } {
  const { min, max = Number.POSITIVE_INFINITY } = scalingOf(metadata)
  return { replicas: replicas === 0 ? 0 : Math.max(min, Math.min(max, replicas)), scale: { pinned: true } }
}

const TYPE_RULE = `must be ${SCALE_TYPES.join(', ')} (by a metric of your own, alerts scale it: POST /system/alert)`
const DURATION_RULE = 'must be a duration such as "90s", "15m" or "1h"'

function scaleType(text: string | undefined): ScaleType | undefined {
  return SCALE_TYPES.find(type => type === text)
}

function wholeNumber(text: string | undefined, least: number, most = 1_000_000): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined
  const number = Number(text)
  return number >= least && number <= most ? number : undefined
}

function positive(text: string | undefined, most = 1e9): number | undefined {
  if (text === undefined || !/^\d{1,9}(\.\d{1,9})?$/.test(text)) return undefined
  const number = Number(text)
  return number > 0 && number <= most ? number : undefined
}

function truth(text: string | undefined): boolean | undefined {
  if (text === 'true') return true
  return text === 'false' ? false : undefined
}

function duration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text)
}
