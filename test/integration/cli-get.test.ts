import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify, stripVTControlCharacters } from 'node:util'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { anEnvironment, runCli, startCli, Written } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'

const AT = '2026-01-01T00:00:00.000Z'
const GET = `${process.execPath} ${MAIN} get functions`
/** Sets the title of a terminal, wipes it, and turns what follows around. */
const EVIL_PARTS = ['\x1b]0;owned\x07', '\x1b[2J', '\u202e']
const EVIL = `boom${EVIL_PARTS.join('')}`

describe('docker-faas get, describe and delete', () => {
  let api: ApiServer
  let env: Record<string, string>

  beforeEach(async () => {
    api = await startApi()
    env = { DOCKER_FAAS_GATEWAY: api.url, AUTH_PASSWORD: PASSWORD }
    await api.request('POST', '/v1/namespaces', { metadata: { name: 'team-a' } })
    await deploy('hello', { labels: { tier: 'web' } })
    await deploy('broken')
    await deploy('far', { namespace: 'team-a' })
    await status('hello', { Ready: ['True', 'ReplicasReady'], Progressing: ['False', 'Converged'] })
    await status('broken', { Ready: ['False', 'CrashLoopBackOff'], Degraded: ['True', 'CrashLoopBackOff'] })
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const cli = (args: string[], isTTY = false) => runCli(args, { env, isTTY })
  const deploy = (name: string, metadata: object = {}) =>
    api.request('POST', '/v1/functions', {
      metadata: { name, ...metadata },
      spec: { image: `${name}:1`, env: { LEVEL: '3', TEXT: 'two\nlines' }, limits: { memory: '64Mi' } }
    })
  const status = async (name: string, conditions: Record<string, [string, string]>) => {
    const { metadata, status: before } = (await api.request('GET', `/v1/functions/${name}`)).json
    const all = Object.entries(conditions).map(([type, [value, reason]]) => ({
      ...{ type, status: value, reason, message: EVIL, lastTransitionTime: AT }
    }))
    await api.store.functions.putStatus(`openfaas-fn/${name}`, metadata.uid, {
      ...{ ...before, observedGeneration: 1, replicas: 1, readyReplicas: 1, conditions: all as never },
      restarts: [{ ordinal: 0, hash: '0123abcd', failures: 1, exitedAt: AT, notBefore: AT, lastOutput: EVIL }] as never
    })
  }

  it('lists functions of a namespace, of all, and by labels', async () => {
    const own = await cli(['get', 'functions'])
    expect([own.code, own.stderr]).to.deep.equal([0, ''])
    expect(own.stdout.replaceAll(/\d+s\b/g, 'AGE')).to.equal(
      [
        'NAME     READY   STATUS             IMAGE      AGE',
        'broken   1/1     CrashLoopBackOff   broken:1   AGE',
        'hello    1/1     ReplicasReady      hello:1    AGE',
        ''
      ].join('\n')
    )
    expect((await cli(['get', 'fn', '-A', '-o', 'name'])).stdout).to.equal(
      'function/broken\nfunction/hello\nfunction/far.team-a\n'
    )
    expect((await cli(['get', 'functions', '-l', 'tier in (web)', '--no-headers'])).stdout).to.match(
      /^hello {3}1\/1.*\n$/
    )
    const none = await cli(['get', 'functions', '-n', 'empty'])
    expect([none.code, none.stdout, none.stderr]).to.deep.equal([
      0,
      '',
      'there are no functions in this namespace (-A: in all)\n'
    ])
    expect((await cli(['get', 'functions', '-o', 'wide'], true)).stdout)
      .to.contain('GENERATION')
      .and.contain('\x1b[31mCrash')
  })

  it('prints one function by any of its names, as the API gives it', async () => {
    for (const words of [['function', 'far.team-a'], ['function/far.team-a'], ['fn/far', '-n', 'team-a']]) {
      const { stdout } = await cli(['get', ...words, '-o', 'json'])
      expect(JSON.parse(stdout)).to.deep.include({ apiVersion: 'v1', kind: 'Function' })
      expect(JSON.parse(stdout).metadata.namespace).to.equal('team-a')
    }
    const missing = await cli(['get', 'function', 'nope'])
    expect([missing.code, missing.stderr]).to.deep.equal([
      3,
      'docker-faas: the gateway answered 404: function openfaas-fn/nope not found\n'
    ])
    const both = await cli(['get', 'functions', 'hello', 'broken', '-o', 'yaml'])
    expect(parseAllDocuments(both.stdout).map(document => document.toJS().metadata.name)).to.deep.equal([
      'hello',
      'broken'
    ])
  })

  it('lists secrets, tokens, schedules and what else there is', async () => {
    await api.store.secrets.put('openfaas-fn/db', Buffer.from('one'))
    await api.request('POST', '/v1/tokens', { name: 'ci', scopes: ['read', 'deploy'] })
    expect((await cli(['get', 'secrets'])).stdout).to.match(/^NAME {3}VERSION {3}BYTES {3}AGE\ndb {5}1 {9}3 {7}\d+s\n$/)
    expect((await cli(['get', 'secret/db', '-o', 'name'])).stdout).to.equal('secret/db\n')
    expect((await cli(['get', 'tokens'])).stdout).to.match(/\nci {5}token {3}read,deploy {3}all {10}never/)
    expect((await cli(['get', 'schedules'])).stderr).to.equal('no function has a schedule\n')
  })

  it('refuses with 2 what makes no sense', async () => {
    for (const words of [
      ['pods'],
      ['secrets', '-l', 'a=b'],
      ['functions', 'a', '-A'],
      ['functions', '-A', '-n', 'x'],
      ['secrets', '-w'],
      ['functions', '-o', 'xml'],
      ['function', 'a/b/c'],
      ['functions', '--nope'],
      []
    ]) {
      const { code, stdout } = await cli(['get', ...words])
      expect([code, stdout], words.join(' ')).to.deep.equal([2, ''])
    }
  })

  it('ends quietly, as SIGPIPE would end it, when nobody reads on', async () => {
    const { stdout, stderr } = await inBash(`${GET} -o json | true; echo "${'$'}{PIPESTATUS[0]}"`)
    expect([stdout, stderr]).to.deep.equal(['141\n', ''])
  })

  it('says so in a line when the output cannot be written, and ends as it would when errors cannot be told', async () => {
    const full = await inBash(`${GET} > /dev/full; echo $?; ${GET} --nope 2> /dev/full; echo $?`)
    expect(full.stdout).to.equal('1\n2\n')
    expect(full.stderr).to.match(/^docker-faas: the output cannot be written: ENOSPC.*\n$/)
  })

  function inBash(script: string): Promise<{ stdout: string; stderr: string }> {
    return promisify(execFile)('bash', ['-c', script], {
      env: { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, HOME: '/nonexistent', ...env }
    })
  }

  it('--watch prints what is there, and each change as it comes', async () => {
    const child = spawn(process.execPath, [MAIN, 'get', 'functions', '--watch', '-l', 'tier=web'], {
      env: { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, HOME: '/nonexistent', ...env },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    try {
      await eventually(async () => expect(text).to.match(/^NAME.*\nhello.*\n$/))
      await deploy('next', { labels: { tier: 'web' } })
      await deploy('unseen')
      await status('hello', { Ready: ['True', 'Frozen'] })
      await eventually(async () => expect(text).to.match(/^NAME.*\nhello.*\nnext .*\nhello .* Frozen .*\n$/))
      child.kill('SIGINT')
      expect(await once(child, 'exit')).to.deep.equal([130, null])
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('describe tells all that is known, and nothing in it commands a terminal', async () => {
    const { code, stdout } = await cli(['describe', 'function', 'broken'])
    expect(code).to.equal(0)
    for (const line of [
      /^Name: {9}broken$/m,
      /^Generation: {3}1 \(observed: 1\)$/m,
      /^Replicas: {5}1 wanted, 1 there: 1 ready, 0 frozen, 0 outdated$/m,
      /^Environment: {2}LEVEL=3\n {14}TEXT=two\\x0alines$/m,
      /^Limits: {7}memory=64Mi$/m,
      /^Invocations: {2}0$/m,
      /^ {2}Degraded {3}True {5}CrashLoopBackOff {3}\S+ +boom\\x1b]0;owned\\x07\\x1b\[2J\\u202e$/m,
      /^What helps: {3}mend what its last output complains of.*\nRestarts:$/m,
      /^ {2}0 .* boom\\x1b/m,
      /^ {2}1 {10}\S+ +broken:1$/m,
      /^ {2}\S+ +Normal {3}Created {3}1 {7}generation 1: 1 of broken:1$/m
    ]) {
      expect(stdout).to.match(line)
    }
    for (const command of EVIL_PARTS) expect(stdout).not.to.contain(command)
    expect((await cli(['describe', 'nope'])).code).to.equal(3)
  })

  it('deletes by name, and waits until it is gone', async () => {
    expect((await cli(['delete', 'hello'])).stderr).to.contain('name one as in function/hello')
    const deleting = cli(['delete', 'function', 'hello'])
    const gone = eventually(async () => {
      const object = await api.store.functions.get('openfaas-fn/hello')
      expect(object?.metadata.deletionRequestedAt).to.be.a('string')
      await api.store.functions.remove('openfaas-fn/hello', object?.metadata.uid ?? '')
    })
    const [run] = await Promise.all([deleting, gone])
    expect([run.code, run.stdout]).to.deep.equal([0, 'function/hello deleted\n'])
    const late = await cli(['delete', 'fn/broken', '--timeout', '1s'])
    expect([late.code, late.stderr.split('\n').slice(-3)]).to.deep.equal([
      6,
      ['docker-faas: timed out after 1 s:', '  broken: is still there', '']
    ])
    const missing = await cli(['delete', 'function', 'nope', 'far.team-a', '--no-wait'])
    expect([missing.code, missing.stdout]).to.deep.equal([3, 'function/far.team-a is being deleted\n'])
    expect((await cli(['delete', 'function', 'nope', '--ignore-not-found'])).code).to.equal(0)
  })

  it('deletes by labels or all only for who says so', async () => {
    const asked = await cli(['delete', 'functions', '-l', 'tier=web', '--no-wait'])
    expect([asked.code, asked.stderr]).to.deep.equal([
      2,
      'docker-faas: this would delete the following; say --yes for that:\n  function/hello\n'
    ])
    for (const stdin of ['n\n', '\n', '']) {
      const no = await runCli(['delete', 'functions', '--all', '--no-wait'], { env, stdin, isAsked: true })
      expect([no.code, no.stdout]).to.deep.equal([1, ''])
      expect(no.stderr).to.equal(
        '  function/broken\n  function/hello\nDelete these 2? [y/N] docker-faas: nothing was deleted\n'
      )
    }
    const yes = await runCli(['delete', 'fn', '-l', 'tier=web', '--no-wait'], { env, stdin: 'y\n', isAsked: true })
    expect([yes.code, yes.stdout]).to.deep.equal([0, 'function/hello is being deleted\n'])
    const done = await cli(['delete', 'functions', '-l', 'tier=web', '--no-wait', '--yes'])
    expect(done.stdout).to.equal('function/hello is being deleted\n')
    expect((await cli(['delete', 'functions'])).code).to.equal(2)
    expect((await cli(['delete', 'functions', '-l', 'none=of', '--yes'])).stderr).to.equal('nothing to delete\n')
    const file = await runCli(['delete', '--no-wait', '-f', '-'], { env, stdin: 'functions: {broken: {image: "x:1"}}' })
    expect([file.code, file.stdout]).to.deep.equal([0, 'function/broken is being deleted\n'])
    await api.store.secrets.put('openfaas-fn/db', Buffer.from('one'))
    expect((await cli(['delete', 'secret/db'])).stdout).to.equal('secret/db deleted\n')
  })

  it('on a terminal, has colours, and no control character out of a function', async () => {
    const command = `${process.execPath} ${MAIN} get functions; ${process.execPath} ${MAIN} get function broken -o yaml`
    const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, HOME: '/nonexistent', TERM: 'xterm', ...env }
    })
    expect(stdout).to.contain('\x1b[31mCrashLoopBackOff\x1b[39m').and.contain('boom\\')
    for (const command of EVIL_PARTS) expect(stdout).not.to.contain(command)
  })

  it('on a narrow terminal, keeps to its width, but for -o wide', async () => {
    const at = async (...words: string[]) => {
      const environment = { ...anEnvironment({ env, isTTY: true }), stdout: new Written(true, 60) }
      await startCli(['get', 'functions', ...words], environment).done
      return stripVTControlCharacters(environment.stdout.text).split('\n').slice(0, -1)
    }
    await api.request('POST', '/v1/functions', {
      metadata: { name: 'far' },
      spec: { image: `registry.example/${'x'.repeat(60)}:1` }
    })
    const lines = await at()
    expect(Math.max(...lines.map(line => line.length))).to.equal(60)
    expect(lines.join('\n')).to.match(/^far .* reg\S*…\S*:1 /m)
    expect((await at('-o', 'wide')).join('\n')).to.contain(`registry.example/${'x'.repeat(60)}:1`)
  })
})
