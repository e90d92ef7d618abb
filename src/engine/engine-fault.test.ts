import { expect } from 'chai'
import { engineFault, engineMessage, PullError, pullFault } from './engine-fault.ts'
import type { EngineFault } from './faults.ts'

/** As dockerode makes them: a plain `Error`, the engine's words in the middle of its message. */
function answer(statusCode: number, message: string, reason = 'unexpected'): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) ${reason} - ${message} `), {
    statusCode,
    reason,
    json: null
  })
}
const noAnswer = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

const ANSWERS: readonly [status: number, message: string, fault: EngineFault][] = [
  [304, '', 'unchanged'],
  [404, 'No such container: hello-0', 'not-found'],
  [404, 'network net not found', 'not-found'],
  [404, 'No such image: hello:1', 'no-image'],
  [
    409,
    'Conflict. The container name "/hello-0" is already in use by container "4d5". You have to remove it',
    'name-in-use'
  ],
  [409, 'network with name net already exists', 'name-in-use'],
  [409, 'removal of container 4d5 is already in progress', 'busy'],
  [409, 'container is marked for removal and cannot be started', 'busy'],
  [409, 'cannot start a paused container, try unpause instead', 'busy'],
  [409, 'Cannot kill container: 4d5: Container 4d5 is not running', 'unchanged'],
  [500, 'Container 4d5 is not paused', 'unchanged'],
  [409, 'Container 4d5 is already paused', 'unchanged'],
  [403, 'endpoint with name hello-0 already exists in network net', 'unchanged'],
  [500, 'container 4d5 is not connected to network net', 'unchanged'],
  [403, 'error while removing network: network net id 4d5 has active endpoints', 'busy'],
  [403, 'Pool overlaps with other one on this address space', 'subnet-overlap'],
  [403, 'invalid pool request: Pool overlaps with other one on this address space', 'subnet-overlap'],
  [
    403,
    'cannot create network 1 (br-1): conflicts with network 2 (br-2): networks have overlapping IPv4',
    'subnet-overlap'
  ],
  [
    500,
    'driver failed programming external connectivity: Bind for 127.0.0.1:9229 failed: port is already allocated',
    'port-in-use'
  ],
  [500, 'Error starting userland proxy: listen tcp4 127.0.0.1:9229: bind: address already in use', 'port-in-use'],
  [500, 'mkdir /var/lib/docker/overlay2/x: no space left on device', 'no-space'],
  [
    500,
    'failed to add interface veth1 to sandbox: adding interface veth1 to bridge br-1 failed: exchange full',
    'bridge-full'
  ],
  [401, 'unauthorized', 'unauthorized'],
  [403, 'authorization denied by plugin opa', 'unauthorized'],
  [400, 'OCI runtime create failed: exec: "/no": stat /no: no such file or directory', 'other'],
  [500, 'something else', 'other'],
  [503, 'no server is available to handle this request', 'unavailable']
]

const PULLS: readonly [status: number, message: string, fault: EngineFault][] = [
  [
    404,
    "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    'unauthorized'
  ],
  [500, 'Head "https://r.io/v2/x/manifests/1": unauthorized: authentication required', 'unauthorized'],
  [500, 'Get "http://127.0.0.1:5000/v2/x/manifests/1": no basic auth credentials', 'unauthorized'],
  [404, 'manifest for x:2 not found: manifest unknown: manifest unknown', 'no-image'],
  [404, 'repository x not found: name unknown', 'no-image'],
  [404, 'no matching manifest for linux/arm64 in the manifest list entries', 'no-image'],
  [500, 'toomanyrequests: You have reached your pull rate limit', 'throttled'],
  [500, 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', 'unavailable'],
  [500, 'Get "https://no.invalid/v2/": dial tcp: lookup no.invalid: no such host', 'unavailable'],
  [500, 'Get "https://r.io/v2/": net/http: TLS handshake timeout', 'unavailable'],
  [500, 'received unexpected HTTP status: 503 Service Unavailable', 'unavailable'],
  [500, 'write /var/lib/docker/tmp/GetImageBlob1: no space left on device', 'no-space'],
  [500, 'filesystem layer verification failed for digest sha256:1', 'other']
]

describe('engineFault', () => {
  for (const [status, message, fault] of ANSWERS) {
    it(`is ${fault} for ${status} ${message.slice(0, 60)}`, () => {
      expect(engineFault(answer(status, message))).to.equal(fault)
    })
  }

  it('does not mistake the reason that dockerode adds for the engine’s words', () => {
    expect(engineFault(answer(404, 'No such image: x', 'no such container'))).to.equal('no-image')
  })

  for (const code of ['ENOENT', 'EACCES', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']) {
    it(`D4: is unavailable for ${code}`, () => expect(engineFault(noAnswer(code))).to.equal('unavailable'))
  }

  it('D7: is unavailable for half an answer', () => {
    expect(engineFault(new SyntaxError('Unexpected end of JSON input'))).to.equal('unavailable')
  })

  it('is aborted for an abort', () => {
    expect(engineFault(new DOMException('x', 'AbortError'))).to.equal('aborted')
    expect(engineFault(noAnswer('ABORT_ERR'))).to.equal('aborted')
  })
})

describe('pullFault', () => {
  for (const [status, message, fault] of PULLS) {
    it(`is ${fault} for ${message.slice(0, 60)}, as an answer and inside the progress`, () => {
      expect(pullFault(answer(status, message))).to.equal(fault)
      expect(pullFault(new PullError(message))).to.equal(fault)
    })
  }

  it('is unavailable when the engine does not answer, or stops in the middle', () => {
    expect(pullFault(noAnswer('ECONNREFUSED'))).to.equal('unavailable')
    expect(pullFault(noAnswer('ECONNRESET'))).to.equal('unavailable')
  })
})

describe('engineMessage', () => {
  it('is what the engine said', () => {
    expect(engineMessage(answer(409, 'a - b', 'container already started'))).to.equal('a - b')
    expect(engineMessage(new Error('plain'))).to.equal('plain')
  })
})
