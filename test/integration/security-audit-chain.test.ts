import { spawn } from 'node:child_process'
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type AuditDraft, type AuditEntry, type AuditMark, macOf, sealMark } from '../../api/audit.ts'
import { AUDIT_BREAK } from '../../src/store/audit-break.ts'
import { appendAudit, verifyAudit } from '../../src/store/audit-verify.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { aDraft, load, Scratch, TestClock, withSqlite } from '../fixtures/db/files.ts'
import { eventually } from '../helpers/eventually.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'
import { ServeProcess } from '../helpers/serve-process.ts'

const KEY = Buffer.alloc(32, 7)
const DAY_MS = 86_400_000

function draft(name: string, more: Partial<AuditDraft> = {}): AuditDraft {
  return {
    ...{ actorKind: 'admin', actor: 'admin', address: '10.0.0.1', userAgent: 'test', verb: 'POST /v1/functions' },
    ...{ kind: 'function', namespace: 'ns', name, outcome: 'created', status: 201, requestId: name, count: 1 },
    ...more
  }
}

describe('chain of the audit log', () => {
  let scratch: Scratch
  const clock = new TestClock()
  const open = (key: Uint8Array = KEY): Promise<Store> => openStore({ path: scratch.path, clock, auditKey: key })
  beforeEach(async () => {
    scratch = await Scratch.create()
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  async function fill(count: number, prefix = 'row'): Promise<AuditMark> {
    await using store = await open()
    for (let n = 1; n <= count; n++) await store.audit.append(draft(`${prefix}-${n}`))
    const head = await store.audit.head()
    if (head === undefined) throw new Error('there are rows')
    return head
  }

  /** What somebody does to the file who may write it and has no key. */
  function tamper(...statements: string[]): void {
    withSqlite(scratch.path, db => {
      for (const sql of statements) db.exec(sql)
    })
  }

  async function problems(known: readonly AuditMark[] = [], key: Uint8Array = KEY): Promise<readonly string[]> {
    return (await verifyAudit(scratch.path, key, known)).problems
  }

  const WITHOUT_TRIGGERS = ['DROP TRIGGER audit_is_not_changed', 'DROP TRIGGER audit_is_not_removed']

  it('S39: is whole as it was written, also when the file is opened again and again', async () => {
    await fill(3)
    const head = await fill(3)
    expect(await verifyAudit(scratch.path, KEY, [head])).to.deep.include({ rows: 6, problems: [], breaks: [] })
    expect(await problems([], Buffer.alloc(32, 8)), 'another key').to.have.length.at.least(6)
  })

  it('S39: the database itself refuses to change rows, and to remove any but the oldest', async () => {
    await fill(3)
    for (const sql of ["UPDATE audit SET actor = 'x'", 'DELETE FROM audit', 'DELETE FROM audit WHERE id = 3']) {
      expect(() => tamper(sql), sql).to.throw('rows of the audit log are')
    }
    expect(await problems()).to.deep.equal([])
  })

  const attacks: [what: string, statements: string[], problem: string][] = [
    ['a changed actor', ["UPDATE audit SET actor = 'somebody' WHERE id = 3"], 'row 3 was changed'],
    ['a changed time', ["UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE id = 3"], 'row 3 was changed'],
    ['a changed outcome', ["UPDATE audit SET outcome = 'refused' WHERE id = 3"], 'row 3 was changed'],
    ['a value where there was none', ["UPDATE audit SET detail = '' WHERE id = 3"], 'row 3 was changed'],
    ['a removed row', ['DELETE FROM audit WHERE id = 3'], 'row 3 is missing'],
    ['removed rows', ['DELETE FROM audit WHERE id IN (2, 3)'], 'rows 2 to 3 are missing'],
    [
      'a removed row, and those after it moved up',
      ['DELETE FROM audit WHERE id = 3', 'UPDATE audit SET id = id - 1 WHERE id > 3'],
      'row 3 was changed'
    ],
    ['removed rows at the beginning', ['DELETE FROM audit WHERE id < 3'], 'rows 1 to 2 are missing'],
    [
      'the same with a mark that they were old',
      ['DELETE FROM audit WHERE id < 3', "INSERT INTO audit_marks SELECT 'anchor', 2, 'aa', seal FROM audit_marks"],
      'the beginning of the log, after row 2, is forged'
    ],
    [
      'two rows that changed places',
      [
        'UPDATE audit SET id = 99 WHERE id = 2',
        'UPDATE audit SET id = 2 WHERE id = 3',
        'UPDATE audit SET id = 3 WHERE id = 99'
      ],
      'row 2 was changed'
    ],
    [
      'an inserted row',
      [
        'INSERT INTO audit SELECT 6, at, actor_kind, actor, token_id, address, user_agent, verb, kind, namespace, name, before, after, outcome, status, code, request_id, count, detail, mac FROM audit WHERE id = 3'
      ],
      'row 6 was changed'
    ],
    ['rows cut off at the end', ['DELETE FROM audit WHERE id > 3'], 'rows 4 to 5 are missing at the end'],
    [
      'the same with the mark of the end moved',
      [
        'DELETE FROM audit WHERE id > 3',
        "UPDATE audit_marks SET id = 3, mac = (SELECT mac FROM audit WHERE id = 3) WHERE name = 'head'"
      ],
      'the end of the log is forged'
    ]
  ]
  for (const [what, statements, problem] of attacks) {
    it(`S39: finds ${what}`, async () => {
      await fill(5)
      tamper(...WITHOUT_TRIGGERS, ...statements)
      expect((await problems()).join('; ')).to.include(problem)
      await using store = await open()
      await store.audit.append(draft('later'))
      await store.close()
      expect((await problems()).length, 'and still does when the log goes on').to.be.above(0)
    })
  }

  it('S39: notes, while the log is in use, that it was emptied, and goes on with the numbers', async () => {
    await fill(3)
    await using store = await open()
    const told: AuditEntry[] = []
    store.audit.onAppended(entry => told.push(entry))
    await store.audit.append(draft('before'))
    tamper(...WITHOUT_TRIGGERS, 'DELETE FROM audit', 'DELETE FROM audit_marks')
    await store.audit.append(draft('after'))
    expect(told.map(({ id, verb }) => [id, verb])).to.deep.equal([
      [4, 'POST /v1/functions'],
      [5, AUDIT_BREAK],
      [6, 'POST /v1/functions']
    ])
    await store.close()
    expect(await problems()).to.deep.equal(['rows 1 to 4 are missing'])
  })

  it('S39: a row of another process that holds the key is no break', async () => {
    await fill(1)
    await using store = await open()
    await store.audit.append(draft('gateway'))
    await appendAudit(scratch.path, { key: KEY, clock }, draft('command'))
    await store.audit.append(draft('gateway'))
    await store.close()
    expect(await verifyAudit(scratch.path, KEY, [])).to.deep.include({ rows: 4, problems: [], breaks: [] })
  })

  it('S39: rows that were backdated, so that they are removed as old, leave a row that says so', async () => {
    await fill(5)
    tamper(...WITHOUT_TRIGGERS, "UPDATE audit SET at = '2000-01-01T00:00:00.000Z' WHERE id <= 3")
    await using store = await open()
    expect(await store.audit.prune('2001-01-01T00:00:00.000Z', 100)).to.equal(3)
    await store.close()
    const { problems: left, breaks } = await verifyAudit(scratch.path, KEY, [])
    expect(left).to.deep.equal([])
    expect(breaks.map(({ id, detail }) => `${id} ${detail}`).join()).to.match(
      /^6 of the rows up to 3, .*row 1 was changed/
    )
  })

  it('S39: removes more rows than it looks at at once', async function () {
    this.timeout(60_000)
    await using store = await open()
    await Promise.all(Array.from({ length: 520 }, (_, n) => store.audit.append(draft(`row-${n}`))))
    expect(await store.audit.prune('2000-01-01T00:00:00.000Z', 10)).to.equal(510)
    await store.close()
    expect(await verifyAudit(scratch.path, KEY, [])).to.deep.include({ rows: 10, problems: [], breaks: [] })
  })

  it('S39: a chain that is made anew needs the key', async () => {
    await fill(3)
    await using store = await open()
    const entries = (await store.audit.list({ limit: 10 })).reverse()
    await store.close()
    const wrong = Buffer.alloc(32, 9)
    let previous = ''
    const forged = entries.map(({ mac: _, ...entry }): AuditEntry => {
      previous = macOf(wrong, previous, { ...entry, actor: 'somebody' })
      return { ...entry, actor: 'somebody', mac: previous }
    })
    const head = sealMark(wrong, 'head', forged.at(-1) as AuditEntry)
    tamper(
      ...WITHOUT_TRIGGERS,
      ...forged.map(({ id, actor, mac }) => `UPDATE audit SET actor = '${actor}', mac = '${mac}' WHERE id = ${id}`),
      `UPDATE audit_marks SET mac = '${head.mac}', seal = '${head.seal}'`
    )
    expect(await problems()).to.have.length(4)
  })

  it('S39: an older copy of the whole database shows by a row that is known to have been there', async () => {
    await fill(3)
    const copy = join(scratch.directory, 'copy.db')
    await copyFile(scratch.path, copy)
    const head = await fill(2)
    await copyFile(copy, scratch.path)
    expect(await problems(), 'by itself it is whole').to.deep.equal([])
    expect(await problems([head])).to.deep.equal(['rows 4 to 5 are missing at the end'])
    const other = await fill(3, 'other')
    expect(other.id).to.equal(6)
    expect(await problems([head]), 'other rows took their places').to.deep.equal(['row 5 is another than it was'])
  })

  it('S39: old rows go, and so do those beyond a number, and what is left verifies', async () => {
    const until = (daysAgo: number) => new Date(clock.now() - daysAgo * DAY_MS).toISOString()
    await fill(4)
    clock.advance(DAY_MS)
    const head = await fill(4)
    await using store = await open()
    expect(await store.audit.prune(until(2), 100)).to.equal(0)
    expect(await store.audit.prune(until(0.5), 100)).to.equal(4)
    expect(await store.audit.prune(until(0.5), 3)).to.equal(1)
    expect((await store.audit.list({ limit: 10 })).map(({ id }) => id)).to.deep.equal([8, 7, 6])
    await store.close()
    expect(await problems([head])).to.deep.equal([])
    await using later = await open()
    clock.advance(9 * DAY_MS)
    expect(await later.audit.prune(until(1), 100), 'all of them').to.equal(3)
    await later.audit.append(draft('first after a long time'))
    await later.close()
    expect(await verifyAudit(scratch.path, KEY, [])).to.deep.include({ rows: 1, problems: [] })
  })

  it('S39: a change and its row are one transaction: without a row there is no change', async () => {
    await fill(1)
    tamper("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
    await using store = await open()
    const put = (name: string) => store.functions.put(`openfaas-fn/${name}`, () => aDraft(name))
    const scope = { toDraft: () => draft('a') }
    const failure = await store.audit
      .run(scope, () => put('a'))
      .then(
        () => undefined,
        err => err
      )
    expect(failure).to.be.instanceOf(Error)
    expect(await store.functions.get('openfaas-fn/a')).to.equal(undefined)
    await put('b')
    expect(await store.functions.get('openfaas-fn/b'), 'what no request asked for has no row').not.to.equal(undefined)
  })

  it('S39: of requests at the same time each has the row of its own change', async () => {
    await using store = await open()
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        store.audit.run({ toDraft: subject => ({ ...draft('x', subject), requestId: `request-${n}` }) }, () =>
          store.functions.put(`openfaas-fn/f${n}`, () => aDraft(`f${n}`))
        )
      )
    )
    const rows = await store.audit.list({ limit: 100 })
    expect(rows).to.have.length(40)
    for (const { name, requestId } of rows) expect(requestId).to.equal(`request-${name.slice(1)}`)
  })
})

describe('audit log of a gateway', function () {
  this.timeout(60_000)
  let scratch: Scratch
  let gateway: ServeProcess | undefined
  beforeEach(async () => {
    scratch = await Scratch.create()
  })
  afterEach(async () => {
    await gateway?.kill()
    await scratch[Symbol.asyncDispose]()
  })

  function start(): ServeProcess {
    gateway = new ServeProcess({
      ...{ STATE_DB_PATH: scratch.path, INSTANCE_ID: `audit-${process.pid}` },
      DOCKER_HOST: 'unix:///nonexistent/docker.sock'
    })
    return gateway
  }

  const deploy = (server: ServeProcess, name: string) =>
    server.call('POST', '/v1/functions', { metadata: { name }, spec: { image: 'registry.example/a:1', replicas: 0 } })

  async function audit(...args: string[]): Promise<{ code: number | null; text: string }> {
    const child = spawn(process.execPath, [MAIN, 'audit', ...args], {
      env: { PATH: process.env['PATH'], ...COMPILE_CACHE, STATE_DB_PATH: scratch.path }
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', part => (text += part))
    return await new Promise(resolve => child.once('close', code => resolve({ code, text })))
  }

  it('S39: a kill at any time leaves a log that is whole, with a row for each function that is there', async () => {
    const server = start()
    await server.listening()
    let answered = 0
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; ; n++) {
        const { status } = await deploy(server, `w${writer}-${n}`)
        if (status >= 500) return // a worker says that the rest of the gateway is gone
        answered++
      }
    }).map(writer => writer.catch(() => undefined)) // each ends when the gateway does
    await eventually(() => expect(answered).to.be.above(40))
    await server.kill()
    await Promise.all(writers)
    const verdict = await audit('verify')
    expect(verdict).to.include({ code: 0 })
    const [functions, rows] = withSqlite(scratch.path, db => [
      db.prepare('SELECT name FROM functions ORDER BY name').all(),
      db.prepare("SELECT name FROM audit WHERE outcome = 'created' ORDER BY name").all()
    ])
    expect(functions.length).to.be.at.least(answered)
    expect(rows).to.deep.equal(functions)
  })

  it('S39: docker-faas audit reads the log of a gateway that runs, and ends with 1 when it was tampered with', async () => {
    const server = start()
    await server.listening()
    await deploy(server, 'a')
    await deploy(server, 'b')
    expect((await audit('list', '--name', 'b')).text).to.match(
      /^2 \S+ anonymous from 127\.0\.0\.1: POST \/v1\/functions: function openfaas-fn\/b: created 201\n$/
    )
    const { text } = await audit('verify')
    const [, head = ''] = /^2 rows, whole; the newest is (2:[0-9a-f]{64})$/m.exec(text) ?? []
    await server.call('POST', '/v1/reconcile')
    expect((await audit('verify', '--head', head)).code).to.equal(0)
    expect(server.log.filter(({ msg }) => msg === 'Audited')).to.have.length(3)
    expect(await server.metrics()).to.include('docker_faas_audit_rows_total{outcome="created"} 2\n')
    server.signal('SIGTERM')
    await server.exited
    withSqlite(scratch.path, db =>
      db.exec("DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = 'x' WHERE id = 1")
    )
    const tampered = await audit('verify')
    expect(tampered.code).to.equal(1)
    expect(tampered.text).to.include('row 1 was changed')
  })

  it('S39: a command that changes the database itself writes a row, by the user who ran it', async () => {
    await load('v2.1', scratch.path)
    const env = { PATH: process.env['PATH'], ...COMPILE_CACHE, STATE_DB_PATH: scratch.path }
    const child = spawn(process.execPath, [MAIN, 'migrate', 'up'], { env, stdio: 'ignore' })
    expect(await new Promise(resolve => child.once('close', resolve))).to.equal(0)
    expect((await audit('list')).text).to.match(
      /^1 \S+ cli \S+: migrate up: database: done: schema version 2 to \d+\n$/
    )
    expect((await audit('verify')).code).to.equal(0)
  })

  it('S39: a log that was cut off between two starts is noted in the log itself', async () => {
    const first = start()
    await first.listening()
    await deploy(first, 'a')
    const copy = join(scratch.directory, 'copy.db')
    first.signal('SIGTERM')
    await first.exited
    await copyFile(scratch.path, copy)
    const second = start()
    await second.listening()
    await deploy(second, 'b')
    second.signal('SIGTERM')
    await second.exited
    await copyFile(copy, scratch.path)
    for (const suffix of ['-wal', '-shm']) await rm(`${scratch.path}${suffix}`, { force: true })
    expect((await audit('verify')).text).to.include('row 2 is missing at the end')
    const third = start()
    await third.listening()
    expect(third.logged('Found audit log cut off, or restored from a backup')).not.to.equal(undefined)
    expect(await third.metrics()).to.include('docker_faas_audit_breaks_total 1\n')
    third.signal('SIGTERM')
    await third.exited
    const verdict = await audit('verify')
    expect([verdict.code, verdict.text]).to.deep.equal([0, verdict.text])
    expect(verdict.text).to.match(
      /^row 2, \S+: rows up to 2 \([0-9a-f]{64}\) were known, and the log ends with row 1$/m
    )
  })
})
