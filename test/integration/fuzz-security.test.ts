import { once } from 'node:events'
import net from 'node:net'
import { expect } from 'chai'
import fc from 'fast-check'
import { parseDebugPorts } from '../../api/debug-ports.ts'
import { formatDuration, parseDuration } from '../../api/duration.ts'
import { FaasError } from '../../api/errors.ts'
import { parseImageReference } from '../../api/image-reference.ts'
import { parseLabelSelector } from '../../api/label-selector.ts'
import { LABEL } from '../../api/labels.ts'
import { parseCpu, parseMemory } from '../../api/quantity.ts'
import { cidrs, ipv4Network } from '../../src/config/field.ts'
import { createOrigins } from '../../src/http/client-address.ts'
import { parseFunctionUrl } from '../../src/http/function-url.ts'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'

/** Inputs of each kind; the night's run takes more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20_000)
/** Of what needs a connection each. */
const REQUESTS = Math.ceil(RUNS / 50)
/** What one input may take of CPU, however long it is: more is a hang. */
const MOST_MS = 500

/** Texts put together of pieces that mean something to the parser, of any characters, and of very many of one. */
function textOf(...pieces: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...pieces) },
    { weight: 2, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) },
    { weight: 1, arbitrary: fc.constantFrom('\0', '\r\n', '\u202e', '\ud800', '__proto__', '%', ' ') }
  )
  const long = fc.tuple(fc.constantFrom(...pieces), fc.integer({ min: 100, max: 5000 })).map(([a, n]) => a.repeat(n))
  return fc.oneof(
    { weight: 50, arbitrary: fc.array(piece, { maxLength: 12 }).map(parts => parts.join('')) },
    { weight: 1, arbitrary: fc.tuple(long, piece).map(([a, b]) => `${a}${b}`) }
  )
}

/** Tries the parser: it is quick, throws nothing but what it throws on purpose, and what it gives is right. */
function tryAll<T>(inputs: fc.Arbitrary<string>, parse: (text: string) => T, check: (value: T, text: string) => void) {
  const property = fc.property(inputs, text => {
    const started = process.cpuUsage()
    let value: T
    try {
      value = parse(text)
    } catch (err) {
      if (err instanceof FaasError && err.status === 400) return
      throw err
    }
    const { user, system } = process.cpuUsage(started)
    expect((user + system) / 1000).to.be.below(MOST_MS)
    check(value, text)
  })
  fc.assert(property, { numRuns: RUNS })
}

const isWhole = (value: number | undefined) => {
  if (value !== undefined) expect(Number.isSafeInteger(value) && value >= 0, String(value)).to.equal(true)
}

describe('input of strangers', function () {
  this.timeout(0)

  it('S46: as quantities of memory and CPU gives whole numbers or nothing', () => {
    const text = textOf('0', '1', '128', '999999999999999999', '.', '-', '+', 'e3', 'Mi', 'Gi', 'm', 'k', 'K', '0x')
    tryAll(text, parseMemory, isWhole)
    tryAll(text, parseCpu, isWhole)
  })

  it('S46: as durations gives whole milliseconds or nothing', () => {
    tryAll(textOf('0', '1', '90', '9999999999', '.', '-', 'ns', 'us', 'µs', 'ms', 's', 'm', 'h'), parseDuration, ms => {
      isWhole(ms)
      if (ms !== undefined && ms > 0) expect(formatDuration(ms)).not.to.match(/e|NaN|Infinity/)
    })
  })

  it('S46: as what was found before is refused: a duration beyond counting', () => {
    expect(parseDuration('9'.repeat(400))).to.equal(undefined)
    expect(parseDuration(`${'9'.repeat(400)}h`)).to.equal(undefined)
  })

  it('S46: as references of images gives parts that make the same reference', () => {
    const hex = 'a'.repeat(64)
    const text = textOf(
      'a',
      'nginx',
      'library',
      '/',
      ':',
      '@',
      `sha256:${hex}`,
      '.',
      '-',
      '__',
      'localhost',
      ':5000',
      'A'
    )
    tryAll(text, parseImageReference, parts => {
      if (parts === undefined) return
      const { registry, repository, tag, digest } = parts
      const whole = `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
      // Written out, it may be longer than references may be.
      if (whole.length <= 512) expect(parseImageReference(whole)).to.deep.equal(parts)
    })
  })

  it('S46: as networks gives networks or nothing', () => {
    const text = textOf('10', '.', '0', '255', '256', '/', '8', '33', ':', '::', 'fd00', '1.2.3.4', ',', '0x7f', '%lo')
    tryAll(text, cidrs.parse, list => {
      if (list !== undefined) createOrigins(list)
    })
    tryAll(text, ipv4Network(8, 24).parse, network => {
      if (network !== undefined) expect(network).to.match(/^\d+\.\d+\.\d+\.\d+\/\d+$/)
    })
  })

  it('S46: as X-Forwarded-For gives an address of the list, or of the peer', () => {
    const { addressOf } = createOrigins(['127.0.0.0/8', 'fd00::/8'])
    const socket = { remoteAddress: '127.0.0.1' } as net.Socket
    const text = textOf('127.0.0.1', '::1', '[', ']', ':80', ',', '10.0.0.1', 'unknown', '%eth0', '::ffff:7f00:1', '1')
    tryAll(
      text,
      header => addressOf({ socket, headers: { 'x-forwarded-for': header } }),
      address => {
        expect(net.isIP(address), address).to.be.greaterThan(0)
      }
    )
  })

  it('S46: as the path of a call leads to one function or nowhere', () => {
    const text = textOf(
      '/',
      'fn',
      '.',
      '..',
      '%2f',
      '%2e',
      '%00',
      '\\',
      '?',
      '#',
      '/function/',
      'a.b',
      'é',
      'x'.repeat(130)
    )
    tryAll(
      text,
      rest => parseFunctionUrl(`/function/${rest}`),
      target => {
        if (target === undefined) return
        expect(target.name).to.match(/^[\w-]{1,128}$/)
        expect(target.path).to.match(/^\/[^\r\n\0 ]*$/)
      }
    )
  })

  it('S46: as label selectors selects or is refused', () => {
    const text = textOf('a', '=', '==', '!=', '!', ' in ', ' notin ', '(', ')', ',', 'a=b', 'constructor', 'a.b/c')
    tryAll(text, parseLabelSelector, selects => expect(selects({ a: 'b' })).to.be.a('boolean'))
  })

  it('S46: as labels of debug ports gives ports or nothing', () => {
    const text = textOf('127.0.0.1', ' ', '40000:20001', '5678', ':', '70000', '-1', '::1')
    tryAll(
      text,
      label => parseDebugPorts({ [LABEL.debugPorts]: label }),
      bindings => {
        for (const { containerPort, hostPort } of bindings)
          expect([containerPort, hostPort].every(Number.isInteger)).to.equal(true)
      }
    )
  })

  describe('to the server', () => {
    let api: ApiServer
    before(async () => {
      api = await startApi()
    })
    after(() => api[Symbol.asyncDispose]())

    async function say(bytes: Buffer): Promise<string> {
      const socket = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
      const closed = once(socket, 'close')
      let said = ''
      socket.on('data', chunk => {
        said += chunk.toString('latin1')
      })
      // Whatever is left open ends here: this side says no more.
      socket.end(bytes)
      await closed
      return said
    }

    it('S46: as Authorization lets nobody in', async () => {
      const text = textOf('Basic ', 'basic', 'Bearer ', 'YWRtaW46', 'admin:', '=', ':', 'AAAA', '\t', ',', 'dfs_')
      await fc.assert(
        fc.asyncProperty(text, async value => {
          const head = `GET /system/functions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${value}\r\n\r\n`
          for (const [, status] of (await say(Buffer.from(head, 'latin1'))).matchAll(/^HTTP\/1\.1 (\d{3})/gm)) {
            expect(status).to.be.oneOf(['400', '401', '429', '431'])
          }
        }),
        { numRuns: REQUESTS }
      )
    })

    it('S46: as a head is refused or answered, and the next one is served', async () => {
      const piece = fc.oneof(
        fc.constantFrom(
          'GET ',
          'POST ',
          '/v1/functions',
          '/function/fn',
          ' HTTP/1.1',
          '\r\n',
          '\n',
          '\r',
          ':',
          ' ',
          '\0'
        ),
        fc.constantFrom(
          'Host: x\r\n',
          'Content-Length: 5\r\n',
          'Transfer-Encoding: chunked\r\n',
          'Expect: 100-continue\r\n'
        ),
        fc.constantFrom(
          '\r\n\r\n',
          '5\r\nhello\r\n',
          '0\r\n\r\n',
          `Authorization: ${AUTHORIZATION}\r\n`,
          'Upgrade: h2c\r\n'
        ),
        fc.string({ maxLength: 20, unit: 'binary' })
      )
      const bytes = fc
        .tuple(
          fc.constantFrom('', 'GET /livez HTTP/1.1\r\nHost: x\r\n', 'POST /v1/functions HTTP/1.1\r\nHost: x\r\n'),
          fc.array(piece)
        )
        .map(([start, pieces]) => Buffer.from(`${start}${pieces.join('')}`, 'latin1'))
      await fc.assert(
        fc.asyncProperty(bytes, async request => {
          for (const [, status] of (await say(request)).matchAll(/^HTTP\/1\.1 (\d{3})/gm)) {
            expect(Number(status)).to.satisfy((code: number) => code < 500 || code === 501 || code === 505)
          }
        }),
        { numRuns: REQUESTS }
      )
      expect((await api.request('GET', '/livez')).status).to.equal(200)
      expect(api.logged.filter(({ level }) => level === 'error')).to.deep.equal([])
    })

    it('S46: as a deployment is refused with a reason, or written down', async () => {
      const value = fc.oneof(
        fc.constantFrom<unknown>(null, true, 0, -1, 1e308, '', 'a', 'UPPER', '../x', 'a'.repeat(300), [], {}, ['a'], {
          a: 'b'
        }),
        fc.constantFrom<unknown>(
          { __proto__x: 1 },
          { memory: '1Ki' },
          { memory: '128Mi', cpu: '500m' },
          { 'com.openfaas.scale.min': '9' }
        ),
        fc.jsonValue({ maxDepth: 3 })
      )
      const names = [
        'service',
        'image',
        'namespace',
        'envProcess',
        'envVars',
        'constraints',
        'secrets',
        'labels',
        'annotations'
      ]
      const more = [
        'limits',
        'requests',
        'readOnlyRootFilesystem',
        'debug',
        'network',
        'registryAuth',
        'privileged',
        'HostConfig'
      ]
      const body = fc
        .tuple(fc.boolean(), fc.dictionary(fc.constantFrom(...names, ...more), value, { maxKeys: 8 }))
        .map(([isNear, fields]) => (isNear ? { service: 'fuzz', image: 'nginx', ...fields } : fields))
      const paths = fc.constantFrom('/system/functions', '/v1/functions')
      await fc.assert(
        fc.asyncProperty(paths, body, async (path, fields) => {
          const sent = path.startsWith('/v1') ? { metadata: { name: 'fuzz' }, spec: fields } : fields
          const { status, text } = await api.request('POST', path, sent)
          expect(status, text).to.be.oneOf([200, 201, 202, 400, 403, 404, 409, 413])
          expect(text).not.to.match(/ at \/|node:internal|TypeError/)
        }),
        { numRuns: REQUESTS }
      )
      expect(api.logged.filter(({ level }) => level === 'error')).to.deep.equal([])
    })
  })
})
