import { request } from 'node:http'

export interface WireAnswer {
  readonly status: number
  /** Lower-case names; repeated ones are joined. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any
}

export interface WireRequest {
  readonly method: string
  /** Path and query, sent as they are. */
  readonly path: string
  /** Sent as JSON unless it is a string. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Requests as faas-cli sends them: its methods, paths and bodies, with the headers that Go's client adds. */
export class FaasCli {
  readonly #port: number
  readonly #authorization: string

  /** Basic credentials of a login, or none. */
  constructor(port: number, login?: { readonly user: string; readonly password: string }) {
    this.#port = port
    this.#authorization =
      login === undefined ? '' : `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
  }

  /** One request with the credentials of the login. */
  call(method: string, path: string, body?: unknown): Promise<WireAnswer> {
    return this.send({ method, path, body, headers: { Authorization: this.#authorization } })
  }

  /** One request without credentials, as `faas-cli invoke` sends it, unless they are among the headers. */
  send({ method, path, body, headers = {} }: WireRequest): Promise<WireAnswer> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const length = text === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(text)) }
    const all = { 'User-Agent': 'faas-cli/0.17.8', 'Accept-Encoding': 'gzip', ...length, ...headers }
    return new Promise((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port: this.#port, method, path, headers: all, agent: false }, res => {
        let answer = ''
        res.setEncoding('utf8')
        res.on('data', chunk => (answer += chunk))
        res.on('error', reject)
        res.on('end', () => {
          const headers = Object.entries(res.headers).map(([name, value]) => [name, String(value)])
          resolve({
            ...{ status: res.statusCode ?? 0, headers: Object.fromEntries(headers), text: answer },
            json: parse(answer)
          })
        })
      })
      req.on('error', reject)
      req.end(text)
    })
  }

  /** `deploy` and `up`: an update, and where that says 404 a creation. Gives the statuses of what was sent. */
  async deploy(deployment: object): Promise<number[]> {
    const updated = await this.call('PUT', '/system/functions', deployment)
    if (updated.status !== 404) return [updated.status]
    return [updated.status, (await this.call('POST', '/system/functions', deployment)).status]
  }

  remove(functionName: string, namespace = ''): Promise<WireAnswer> {
    return this.call('DELETE', '/system/functions', { functionName, namespace })
  }
}

/** The body of `deploy`, with the empty fields that Go writes. */
export function aDeployment(service: string, image: string, rest: object = {}) {
  return {
    ...{ service, image, namespace: '', envProcess: '', envVars: {}, constraints: null, secrets: [] },
    ...{ labels: {}, annotations: {}, limits: null, requests: null, readOnlyRootFilesystem: false, ...rest }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Plain text is an answer too.
    return undefined
  }
}
