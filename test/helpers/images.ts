import { connectEngine, ensureHello, ensureSample, ensureTestkit, type Sample } from '../../hack/images.ts'

/** Reference of the function that echoes and misbehaves on demand; built when it is not there. */
export function testkitImage(): Promise<string> {
  return ensureTestkit(connectEngine())
}

/** Reference of the sample function; built when it is not there. */
export function helloImage(): Promise<string> {
  return ensureHello(connectEngine())
}

/** Reference of a sample of `hack/samples`, with these files in place of its own; built when it is not there. */
export function sampleImage(sample: Sample, files: Readonly<Record<string, string>> = {}): Promise<string> {
  return ensureSample(connectEngine(), sample, files)
}
