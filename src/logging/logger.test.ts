import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { NotFoundError } from '../../api/errors.ts'
import { EngineError } from '../engine/faults.ts'
import { createLogger, type LogLevel } from './logger.ts'

function aLogger(format: 'json' | 'text' = 'json', { level = 'debug' as LogLevel, colour = false } = {}) {
  const lines: string[] = []
  const log = createLogger({ level, format, colour, stream: { write: line => lines.push(line) } })
  const record = () => JSON.parse(lines[0] ?? '') as Record<string, unknown>
  return { log, lines, record }
}

/** An error with two causes, as the engine adapter and node make them. */
function aFailure(): Error {
  const socket = Object.assign(new Error('connect ECONNREFUSED /var/run/docker.sock'), {
    code: 'ECONNREFUSED',
    errno: -111
  })
  const engine = new EngineError('container_create', 'unavailable', 'the engine does not answer', { cause: socket })
  return new NotFoundError('replica', 'openfaas-fn/echo', { cause: engine })
}

describe('createLogger', () => {
  it('writes one JSON object per line, whatever is in it', () => {
    const { log, lines, record } = aLogger()
    log.info(
      { key: 'openfaas-fn/a\nb', size: 12n, when: new Date(0), list: new Set([1]), bad: new Date(Number.NaN) },
      'Planned\nfunction'
    )
    expect(lines).to.have.length(1)
    expect(lines[0]?.indexOf('\n')).to.equal((lines[0]?.length ?? 0) - 1)
    expect(record()).to.include({
      level: 30,
      key: 'openfaas-fn/a\nb',
      size: '12',
      when: '1970-01-01T00:00:00.000Z',
      bad: null
    })
  })

  it('leaves out what is below its level', () => {
    const { log, lines } = aLogger('json', { level: 'warn' })
    log.info('Started')
    log.warn({}, 'Failed')
    expect(lines).to.have.length(1)
  })

  it('gives the fields of a child to each of its lines', () => {
    const { log, record } = aLogger()
    log.child({ controller: 'function' }).child({ key: 'ns/a' }).debug({ steps: 2 }, 'Planned function')
    expect(record()).to.include({ controller: 'function', key: 'ns/a', steps: 2, msg: 'Planned function' })
  })

  it('prints the whole chain of causes, with codes', () => {
    const { log, record } = aLogger()
    log.error({ err: aFailure() }, 'Failed to reconcile')
    const err = record()['err'] as Record<string, Record<string, Record<string, unknown>>>
    expect(err).to.include({ name: 'NotFoundError', code: 'NOT_FOUND', retryable: false })
    expect(err['cause']).to.include({ name: 'EngineError', code: 'ENGINE_ERROR', fault: 'unavailable' })
    expect(err['cause']?.['cause']).to.include({ code: 'ECONNREFUSED', errno: -111 })
    expect(err['cause']?.['cause']?.['stack']).to.be.a('string')
  })

  it('prints what was thrown and is no error, chains that bite their tail, and aggregates', () => {
    const loop = new Error('loop')
    loop.cause = loop
    for (const err of [
      'text',
      undefined,
      null,
      42,
      { odd: true },
      loop,
      new AggregateError([new Error('inner'), 'text'], 'all')
    ]) {
      const { log, lines } = aLogger()
      log.error({ err }, 'Failed')
      expect(lines).to.have.length(1)
    }
    const { log, record } = aLogger()
    log.error({ err: new AggregateError([new Error('inner')], 'all') }, 'Failed')
    expect(record()).to.have.nested.property('err.errors[0].message', 'inner')
  })

  it('survives fields that cannot be read', () => {
    const { log, record } = aLogger()
    const circular: Record<string, unknown> = { a: 1 }
    circular['self'] = circular
    const hostile = {
      get boom() {
        throw new Error('boom')
      }
    }
    log.info({ circular, hostile, buffer: Buffer.from('abc'), call: () => 1 }, 'Saw')
    expect(record()).to.deep.include({
      circular: { a: 1, self: '[circular]' },
      hostile: '[unreadable]',
      buffer: '[3 bytes]'
    })
  })

  it('S28: lets no secret out, wherever it is', () => {
    const canary = 'hunter2-canary'
    const basic = Buffer.from(`admin:${canary}`).toString('base64')
    const fields: Record<string, unknown>[] = [
      { headers: { Authorization: `Basic ${basic}`, 'Set-Cookie': [`sid=${canary}`], 'x-registry-auth': basic } },
      { headers: new Map([['proxy-authorization', canary]]) },
      { rawHeaders: ['Host', 'h', 'Authorization', `Bearer ${canary}`], pairs: [['cookie', canary]] },
      {
        password: canary,
        adminPassword: canary,
        DB_PASSWORD: canary,
        apiKey: canary,
        accessToken: canary,
        secret: { deep: canary }
      },
      { authconfig: { username: 'me', auth: basic, identitytoken: canary }, rawValue: basic },
      { url: `https://me:${canary}@registry.example/v2/?x=1`, link: new URL(`http://me:${canary}@h/`) },
      {
        url: `/auth?token=${canary}&x=1`,
        body: JSON.stringify({ password: canary }),
        twice: JSON.stringify(JSON.stringify({ token: canary }))
      },
      { err: new Error(`401 for Authorization: Basic ${basic}`, { cause: new Error(`postgres://u:${canary}@db/x`) }) },
      { err: Object.assign(new Error('no'), { password: canary }) },
      { nested: { error: new Error(`password="${canary} x"`) } }
    ]
    for (const format of ['json', 'text'] as const) {
      for (const field of fields) {
        const { log, lines } = aLogger(format)
        log.child(field).info(field, `Called https://me:${canary}@h with token=${canary}`)
        expect(lines.join(''), JSON.stringify(field)).to.not.contain(canary).and.not.contain(basic)
      }
    }
  })

  it('S28: knows a token by its form, wherever it stands', () => {
    const secret = 'Ab-_'.repeat(10)
    const { log, lines } = aLogger()
    const token = `dfaas_0123456789abcdef_${secret}xyz`
    log.info({ url: `/x/${token}`, what: [token] }, `Called with ${token}, and went on`)
    expect(lines.join('')).to.contain('and went on').and.not.contain(secret)
  })

  it('keeps what only sounds like a secret', () => {
    const { log, record } = aLogger()
    const fields = {
      AUTH_PASSWORD_FILE: '/run/p',
      AUTH_TOKEN_TTL: 5,
      secrets: ['a', 'b'],
      hasToken: true,
      image: 'registry/fn@sha256:ab'
    }
    log.info(fields, 'Read configuration')
    expect(record()).to.deep.include(fields)
  })

  it('has lines for people, with the cause in them', () => {
    const { log, lines } = aLogger('text')
    log.error({ key: 'openfaas-fn/echo', steps: ['create echo-0: missing'], err: aFailure() }, 'Failed to reconcile')
    const [head, why, where] = (lines[0] ?? '').split('\n')
    expect(head).to.match(
      /^\d\d:\d\d:\d\d\.\d{3} ERROR Failed to reconcile: replica openfaas-fn\/echo not found key=openfaas-fn\/echo steps=\["create echo-0: missing"\]$/
    )
    expect(why?.trim()).to.equal(
      'replica openfaas-fn/echo not found (NOT_FOUND): the engine does not answer (ENGINE_ERROR): connect ECONNREFUSED /var/run/docker.sock (ECONNREFUSED)'
    )
    expect(where?.trim()).to.match(/^at /)
  })

  it('S37: has no way to drive a terminal in the text form, but its own colours', () => {
    const esc = String.fromCharCode(27)
    const hostile = `${esc}[2J${String.fromCharCode(0x9b)}31m\r\n\u202e\u2028\u{e0041}`
    const { log, lines } = aLogger('text')
    log.info({ [hostile]: hostile, err: new Error(hostile) }, `Saw ${hostile}`)
    expect((lines[0] ?? '').replaceAll('\n', '')).not.to.match(/[\p{Cc}\p{Cf}\p{Zl}]/u)
    expect(lines[0]).to.contain('\\x1b[2J\\x9b31m').and.contain('\\u{202e}\\u{2028}\\u{e0041}')
    const coloured = aLogger('text', { colour: true })
    coloured.log.info('Started')
    expect(coloured.lines[0]).to.contain(`${esc}[32mINFO ${esc}[0m`)
  })

  it('has written every line when the process exits straight after it', () => {
    const program = `
      import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)}
      const log = createLogger({ level: 'info' })
      for (let i = 0; i < 5000; i++) log.info({ i, filler: 'x'.repeat(100) }, 'Counted')
      process.exit(3)`
    const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], { maxBuffer: 2 ** 26 })
    expect(child.status).to.equal(3)
    expect(child.stdout.toString().trimEnd().split('\n')).to.have.length(5000)
  })
})
