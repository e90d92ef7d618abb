import type { FunctionObject } from './function.ts'

/** Annotation that names the path which tells whether a replica is ready. Source: OpenFaaS Pro. */
export const READY_PATH_ANNOTATION = 'com.openfaas.ready.http.path'

/**
 * What is asked when nothing is named. Every watchdog serves it; a plain server answers 404, which counts as ready;
 * `/_/ready` would run the function under the classic watchdog.
 */
export const DEFAULT_READY_PATH = '/_/health'

/** The path whose answer below 500 makes a replica ready: of the spec, else of the annotation, else the default. */
export function readyPathOf({ spec, metadata }: Pick<FunctionObject, 'spec' | 'metadata'>): string {
  return spec.probes.ready?.path ?? metadata.annotations[READY_PATH_ANNOTATION] ?? DEFAULT_READY_PATH
}
