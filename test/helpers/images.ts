import { connectEngine, ensureHello, ensureTestkit } from '../../hack/images.ts'

/** Reference of the function that echoes and misbehaves on demand; built when it is not there. */
export function testkitImage(): Promise<string> {
  return ensureTestkit(connectEngine())
}

/** Reference of the sample function; built when it is not there. */
export function helloImage(): Promise<string> {
  return ensureHello(connectEngine())
}
