import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { runCli } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'

const STACK = `version: 1.0
provider:
  name: openfaas
  gateway: http://192.0.2.1:8080
functions:
  hello:
    lang: node22
    handler: ./hello
    image: \${REGISTRY:-registry.example}/hello:\${TAG}
    skip_build: true
    build_args: {GO: "1"}
    environment:
      GREETING: "\${GREETING:-hi: {there}}"
      PRICE: $5 and $\${TAG}
      PORT: 08080
      ON: yes
      RATIO: 1.50
      EMPTY:
    environment_file: [env.yml]
    secrets: [db]
    constraints: [node.role == worker]
    labels:
      com.openfaas.scale.min: 2
      faas_function: hello
    annotations: {topic: news}
    limits: {memory: 64Mi, cpu: ""}
    requests: {cpu: 100m}
    readonly_root_filesystem: true
  other:
    image: other:1
    namespace: team-a
`

describe('docker-faas apply and diff', () => {
  let api: ApiServer
  let folder: string
  let env: Record<string, string>

  before(async () => {
    api = await startApi()
    for (const name of ['team-a', 'team-b']) await api.request('POST', '/v1/namespaces', { metadata: { name } })
  })
  after(() => api[Symbol.asyncDispose]())
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'faas-apply-'))
    env = { DOCKER_FAAS_GATEWAY: api.url, AUTH_PASSWORD: PASSWORD, XDG_CONFIG_HOME: folder, TAG: 'v1' }
    for (const { metadata } of await api.store.functions.list()) {
      const key = `${metadata.namespace}/${metadata.name}`
      const marked = await api.store.functions.markDeleted(key)
      if (marked !== undefined) await api.store.functions.remove(key, marked.metadata.uid)
    }
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const write = (name: string, text: string) => {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }
  const stack = (text = STACK) => {
    write('env.yml', 'environment: {GREETING: from file, LEVEL: 3}\n')
    return write('stack.yml', text)
  }
  const cli = (args: string[], more: Record<string, string> = {}, stdin = '') =>
    runCli(args, { env: { ...env, ...more }, stdin })
  const read = async (name: string, namespace = 'openfaas-fn') =>
    (await api.request('GET', `/v1/functions/${name}?namespace=${namespace}`)).json

  it('writes the functions of a stack file as faas-cli means them, and the second time nothing, and says so', async () => {
    const path = stack()
    const first = await cli(['apply', '-f', path])
    expect([first.code, first.stderr]).to.deep.equal([0, '2 created\n'])
    expect(first.stdout).to.equal('function/hello created\nfunction/other.team-a created\n')
    const { metadata, spec } = await read('hello')
    expect(metadata.labels).to.deep.equal({ 'com.openfaas.scale.min': '2' })
    expect(metadata.annotations).to.deep.equal({ topic: 'news' })
    expect(spec).to.deep.include({
      image: 'registry.example/hello:v1',
      replicas: 2,
      env: {
        GREETING: 'from file',
        LEVEL: '3',
        PRICE: `$5 and \${TAG}`,
        PORT: '08080',
        ON: 'yes',
        RATIO: '1.50',
        EMPTY: ''
      },
      secrets: ['db'],
      constraints: ['node.role == worker'],
      limits: { memory: '64Mi' },
      requests: { cpu: '100m' },
      readOnlyRootFilesystem: true
    })
    const again = await cli(['apply', '-f', path])
    expect([again.code, again.stdout, again.stderr]).to.deep.equal([
      0,
      'function/hello unchanged\nfunction/other.team-a unchanged\n',
      'nothing to do: 2 unchanged\n'
    ])
    const changed = await cli(['apply', '-f', path], { TAG: 'v2' })
    expect([changed.stdout, changed.stderr]).to.deep.equal([
      'function/hello configured\nfunction/other.team-a unchanged\n',
      '1 configured, 1 unchanged\n'
    ])
  })

  it('says what the gateway took and thinks is a mistake', async () => {
    const path = write('s.yml', 'functions: {a: {image: "a:1", labels: {com.openfaas.scale.mim: 2}}}')
    const run = await cli(['apply', '-f', path])
    expect([run.code, run.stderr]).to.deep.equal([
      0,
      'warning: labels.com.openfaas.scale.mim is not known: did you mean com.openfaas.scale.min?\n1 created\n'
    ])
  })

  it('puts what a variable holds into a value, and never into the structure', async () => {
    const more = { EVIL: 'x"\n    image: evil:1\n    secrets: [all]\n#', TAG: 'v1' }
    const path = write('s.yml', `functions:\n  a:\n    image: a:1\n    environment:\n      X: \${EVIL}\n`)
    expect((await cli(['apply', '-f', path], more)).code).to.equal(0)
    expect((await read('a')).spec).to.deep.include({ image: 'a:1', secrets: [], env: { X: more.EVIL } })
  })

  it('names file, line and column of each variable that is not set', async () => {
    const path = stack()
    const { TAG: _tag, ...without } = env
    const run = await runCli(['apply', '-f', path], { env: without })
    expect([run.code, run.stdout]).to.deep.equal([2, ''])
    expect(run.stderr).to.equal(
      `docker-faas: ${path}:9:12: variable TAG is not set: set it, or write \${TAG:-default}\n`
    )
    const image = write('image.yml', `functions:\n  a:\n    image: \${IMAGE}\n`)
    expect((await cli(['apply', '-f', image])).stderr).to.equal(
      `docker-faas: ${image}:3:12: variable IMAGE is not set: set it, or write \${IMAGE:-default}\n`
    )
    expect((await runCli(['apply', '-f', path, '--no-envsubst', '--dry-run=client'], { env: without })).code).to.equal(
      0
    )
  })

  it('tells of everything that is wrong with files at once, before anything is asked of a gateway', async () => {
    const before = api.observed.length
    const path = write(
      'bad.yml',
      'functions:\n  a:\n    lang: go\n    secrets: all\n  b: {image: b:1, environment: {X: [1]}, readonly_root_filesystem: maybe}\n---\nkind: Pod\n---\nkind: Function\nmetadata: {name: c, lables: {}}\n'
    )
    const run = await cli(['apply', '-f', path])
    expect(run.code).to.equal(2)
    expect(run.stderr.replaceAll(path, 'bad.yml').split('\n')).to.deep.equal([
      'docker-faas: bad.yml:3:5: functions.a: image is missing: lang and handler say how faas-cli builds it; build it, and name the image',
      'bad.yml:4:14: functions.a.secrets: must be a list of text',
      'bad.yml:5:36: functions.b.environment.X: must be text',
      'bad.yml:5:68: functions.b.readonly_root_filesystem: must be true or false',
      'bad.yml:7:7: kind Pod: is not known; kinds are Namespace, Profile, Function',
      'bad.yml:10:29: metadata.lables is not known',
      ''
    ])
    const broken = await cli(['apply', '-f', write('broken.yml', 'functions:\n  a: {image: "x\n')])
    expect([broken.code, broken.stderr]).to.satisfy(
      ([code, text]: [number, string]) => code === 2 && /broken\.yml:\d+:\d+: /.test(text)
    )
    const levels = Array.from(
      { length: 8 },
      (_, n) =>
        `b${n}: &b${n} [${Array(8)
          .fill(`*b${n - 1}`)
          .join(', ')}]`
    )
    const bomb = await cli(['apply', '-f', '-'], {}, `functions: {}\n${levels.join('\n').replaceAll('*b-1', 'x')}\n`)
    expect([bomb.code, bomb.stderr]).to.deep.equal([
      2,
      'docker-faas: standard input:1:1: Excessive alias count indicates a resource exhaustion attack\n'
    ])
    expect(api.observed.length).to.equal(before)
  })

  it('says where in the file that is which the gateway refuses, and goes on with the others', async () => {
    const path = stack(STACK.replace('64Mi', '64 lots'))
    const run = await cli(['apply', '-f', path])
    expect(run.code).to.equal(1)
    expect(run.stdout).to.equal('function/other.team-a created\n')
    expect(run.stderr).to.match(
      /^function\/hello: the gateway answered 400:\n {2}\S+stack\.yml:\d+:\d+: spec\.limits\.memory: must be a memory quantity/
    )
    expect(run.stderr).to.contain('1 created, 1 failed\n')
  })

  it('tells what nobody reads', async () => {
    const path = write('s.yml', 'services: {}\nfunctions:\n  a: {image: "a:1", enviroment: {X: 1}}\n')
    const { code, stderr } = await cli(['apply', '-f', path])
    expect(code).to.equal(0)
    expect(stderr).to.contain(`${path}:1:11: services is not known, and ignored\n`)
    expect(stderr).to.contain(`${path}:3:33: functions.a.enviroment is not known, and ignored\n`)
  })

  it('passes over what else lies in a folder of functions, tells it, and is strict about files that were named', async () => {
    write('fns/stack.yml', 'functions: {mixed: {image: "a:1", environment_file: [env.yml]}}')
    write('fns/env.yml', 'environment: {A: "1"}')
    write('fns/mixed/package.json', '{"name": "mixed", "version": "1.0.0"}')
    for (const place of ['node_modules/x', '.git']) write(`fns/mixed/${place}/broken.json`, '{')
    const { code, stdout, stderr } = await cli(['apply', '-R', '-f', join(folder, 'fns')])
    expect([code, stdout], stderr).to.deep.equal([0, 'function/mixed created\n'])
    const told = (name: string) => `${join(folder, name)}: passed over, as it is neither a stack file nor a manifest\n`
    expect(stderr).to.equal(`${told('fns/env.yml')}${told('fns/mixed/package.json')}1 created\n`)
    const named = await cli(['apply', '-f', join(folder, 'fns/mixed/package.json')])
    expect([named.code, named.stderr]).to.deep.equal([
      2,
      `docker-faas: ${join(folder, 'fns/mixed/package.json')}:1:1: has neither functions (a stack file) nor a kind; kinds are Namespace, Profile, Function\n`
    ])
  })

  it('reads no pipes and devices of a folder, which would be waited for, and files that links lead to', async () => {
    const real = write('real.yml', 'functions: {linked: {image: "a:1"}}')
    write('d/notes.txt', '')
    execFileSync('mkfifo', [join(folder, 'd', 'pipe.yml')])
    symlinkSync('/dev/zero', join(folder, 'd', 'endless.json'))
    symlinkSync(real, join(folder, 'd', 'link.yaml'))
    const run = await cli(['apply', '-f', join(folder, 'd'), '-o', 'name'])
    expect(run).to.include({ code: 0, stdout: 'function/linked\n' })
  })

  it('reads several files, folders and the standard input, and chooses by name', async () => {
    write('d/one.yml', 'functions: {one: {image: "one:1"}}')
    write(
      'd/two.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'Function', metadata: { name: 'two' }, spec: { image: 'two:1' } })
    )
    write('d/notes.txt', 'no manifest')
    write(
      'd/deep/three.yaml',
      'functions: {three: {image: "three:1"}}\n---\n# nothing\n---\nkind: List\nitems:\n- {kind: Function, metadata: {name: four}, spec: {image: "four:1"}}\n'
    )
    const flat = await cli(
      ['apply', '-f', join(folder, 'd'), '-f', '-', '-o', 'name'],
      {},
      'functions: {five: {image: "five:1"}}'
    )
    expect([flat.code, flat.stdout]).to.deep.equal([0, 'function/one\nfunction/two\nfunction/five\n'])
    const deep = await cli(['apply', '-R', '-f', join(folder, 'd'), '--filter', 't*e', '-o', 'name'])
    expect(deep.stdout).to.equal('function/three\n')
    const regex = await cli(['apply', '-R', '-f', join(folder, 'd'), '--regex', '^f'])
    expect(regex.stdout).to.equal('function/four created\n')
    for (const args of [['-f', 'https://x/y.yml'], ['-f', join(folder, 'none')], ['-f', '-', '-f', '-'], []]) {
      expect((await cli(['apply', ...args])).code).to.equal(2)
    }
  })

  it('takes what get -o yaml and -o json print, and finds nothing to do', async () => {
    await cli(['apply', '-f', stack()])
    await api.request('PATCH', '/v1/functions/hello', {
      spec: { env: { LITERAL: `\${NOT_SET}` }, probes: { ready: { path: '/x' } } }
    })
    await api.request('POST', '/v1/functions/hello/scale', { replicas: 3 })
    for (const format of ['yaml', 'json']) {
      const { stdout } = await cli(['get', 'functions', '-A', '-o', format])
      const run = await cli(['apply', '-f', '-'], {}, stdout)
      expect([run.code, run.stderr]).to.deep.equal([0, 'nothing to do: 2 unchanged\n'])
    }
  })

  it('applies namespaces before functions, wherever they stand, and deletes them after', async () => {
    const manifests =
      'kind: Function\nmetadata: {name: a, namespace: team-c}\nspec: {image: "a:1"}\n---\nkind: Namespace\nmetadata: {name: team-c, labels: {x: "1"}}\n'
    const alone = await cli(['apply', '-f', '-'], {}, manifests.split('---')[0])
    expect(alone.code).not.to.equal(0)
    expect(alone.stderr).to.contain('function/a.team-c: the gateway answered').and.contain('namespace')
    expect((await cli(['diff', '-f', '-'], {}, manifests.split('---')[1])).stdout).to.contain('+    x: "1"\n')
    const wanted = await cli(['diff', '-f', '-'], {}, manifests)
    expect([wanted.code, wanted.stderr]).to.deep.equal([1, ''])
    expect(wanted.stdout).to.contain('+++ wanted/namespace/team-c\n').and.contain('+++ wanted/function/a.team-c\n')
    expect((await cli(['apply', '--dry-run', '-f', '-'], {}, manifests)).stderr).to.equal(
      '2 created (server dry run)\n'
    )
    const both = await cli(['apply', '-f', '-'], {}, manifests)
    expect([both.code, both.stdout]).to.deep.equal([0, 'namespace/team-c created\nfunction/a.team-c created\n'])
    expect((await cli(['apply', '-f', '-'], {}, manifests)).stderr).to.equal('nothing to do: 2 unchanged\n')
    expect((await cli(['diff', '-f', '-'], {}, manifests)).code).to.equal(0)
    expect((await cli(['get', 'ns', 'team-c'])).stdout).to.match(/^NAME .*\nteam-c {3}1 {3}/)
    const written = await cli(['get', 'namespaces', '-o', 'yaml'])
    expect((await cli(['apply', '-f', '-'], {}, written.stdout)).stderr).to.match(/^nothing to do: \d unchanged\n$/)
    const [gone] = await Promise.all([
      cli(['delete', '-f', '-'], {}, manifests),
      eventually(async () => {
        const { metadata } = await read('a', 'team-c')
        expect(metadata.deletionRequestedAt).to.be.a('string')
        await api.store.functions.remove('team-c/a', metadata.uid)
      })
    ])
    expect([gone.code, gone.stdout]).to.deep.equal([0, 'function/a.team-c deleted\nnamespace/team-c deleted\n'])
  })

  it('applies profiles, and finds nothing to do the second time', async () => {
    const profile =
      'kind: Profile\nmetadata: {name: small}\nspec: {user: "1000:1000", tmpfs: [{path: /cache, size: 64Mi}]}\n'
    expect((await cli(['diff', '-f', '-'], {}, profile)).stdout).to.contain('+  user: 1000:1000\n')
    expect((await cli(['apply', '-f', '-'], {}, profile)).stdout).to.equal('profile/small created\n')
    expect((await cli(['apply', '-f', '-'], {}, profile)).stderr).to.equal('nothing to do: 1 unchanged\n')
    expect((await cli(['diff', '-f', '-'], {}, profile)).stdout).to.equal('')
    expect((await cli(['apply', '--dry-run', '-f', '-'], {}, profile)).stderr).to.equal(
      'nothing to do: 1 unchanged (server dry run)\n'
    )
    const read = await cli(['get', 'profile', 'small', '-o', 'yaml'])
    expect((await cli(['apply', '-f', '-'], {}, read.stdout)).stderr).to.equal('nothing to do: 1 unchanged\n')
    expect((await cli(['delete', 'profile/small'])).stdout).to.equal('profile/small deleted\n')
  })

  it('dry runs write nothing: with client nobody is asked, with server the gateway tries', async () => {
    const before = api.observed.length
    const local = await cli(['apply', '-f', stack(), '--dry-run=client'])
    expect([local.code, local.stdout]).to.deep.equal([
      0,
      'function/hello read (client dry run)\nfunction/other.team-a read (client dry run)\n'
    ])
    expect(api.observed.length).to.equal(before)
    const tried = await cli(['apply', '-f', stack(), '--dry-run=server'])
    expect([tried.code, tried.stdout.split('\n')[0], tried.stderr]).to.deep.equal([
      0,
      'function/hello created (server dry run)',
      '2 created (server dry run)\n'
    ])
    expect((await read('hello')).code).to.equal('NOT_FOUND')
  })

  it('holds functions that are tried against the quota of a namespace that the same files make', async () => {
    const fn = (name: string, spec: string) =>
      `---\nkind: Function\nmetadata: {name: ${name}, namespace: team-q}\nspec: {image: "a:1", ${spec}}\n`
    const quota = '{com.docker-faas.quota.replicas: "3", com.docker-faas.quota.memory: 64Mi}'
    const namespace = `kind: Namespace\nmetadata: {name: team-q, annotations: ${quota}}\n`
    const tried = (...functions: string[]) =>
      cli(['apply', '--dry-run=server', '-f', '-'], {}, namespace + functions.join(''))
    const small = fn('small', 'replicas: 2, limits: {memory: 16Mi}')
    expect((await tried(small, fn('other', 'limits: {memory: 32Mi}'))).code).to.equal(0)
    const many = await tried(small, small.replace('name: small', 'name: second'))
    expect([many.code, many.stdout.match(/created/g)?.length]).to.deep.equal([1, 2])
    expect(many.stderr).to.match(
      /^function\/\w+\.team-q: the gateway would answer 403: the quota .* has no room: replicas: 3 a/m
    )
    expect((await tried(fn('unbound', ''))).stderr).to.contain('needs limits.memory')
    expect((await tried(fn('large', 'limits: {memory: 65Mi}'))).stderr).to.contain('memory: 64Mi allowed')
    const differs = await cli(['diff', '-f', '-'], {}, namespace + fn('unbound', ''))
    expect([differs.code, differs.stderr]).to.satisfy(
      ([code, said]: [number, string]) => code === 2 && said.includes('needs limits.memory')
    )
    const labels = small.replace('namespace: team-q', 'namespace: team-q, labels: {com.openfaas.scale.min: "4"}')
    expect((await tried(labels.replace('replicas: 2, ', ''))).stderr).to.contain('4 more asked for')
  })

  it('tries functions in a namespace that the same files make, and tells what else is wrong with them', async () => {
    const manifests = [
      'kind: Function\nmetadata: {name: a, namespace: team-d}\nspec: {image: "a:1"}\n',
      'kind: Namespace\nmetadata: {name: team-d, labels: {tier: web}}\n'
    ].join('---\n')
    const tried = await cli(['apply', '--dry-run=server', '-f', '-'], {}, manifests)
    expect([tried.code, tried.stdout, tried.stderr]).to.deep.equal([
      0,
      'namespace/team-d created (server dry run)\nfunction/a.team-d created (server dry run)\n',
      '2 created (server dry run)\n'
    ])
    const differs = await cli(['diff', '-f', '-'], {}, manifests)
    expect([differs.code, differs.stderr]).to.deep.equal([1, ''])
    expect(differs.stdout).to.contain('+    tier: web\n').and.to.contain('+  image: a:1\n')
    const wrong = manifests.replace('a:1"', 'a:1", replicas: 2, limits: {memory: lots}')
    const refused = await cli(['apply', '--dry-run=server', '-f', '-'], {}, wrong)
    expect(refused.code).to.equal(1)
    expect(refused.stderr)
      .to.contain('standard input:3:')
      .and.to.contain('spec.limits.memory')
      .and.not.to.contain('no namespace')
    const other = manifests.replace('namespace: team-d', 'namespace: team-e')
    const missing = await cli(['apply', '--dry-run=server', '-f', '-'], {}, other)
    expect([missing.code, missing.stderr]).to.satisfy(
      ([code, said]: [number, string]) => code === 1 && said.includes('there is no namespace team-e')
    )
    expect((await api.request('GET', '/v1/namespaces/team-d')).status).to.equal(404)
  })

  it('has the gateway try a namespace, which knows what it must not say', async () => {
    const quota = 'kind: Namespace\nmetadata: {name: team-a, annotations: {com.docker-faas.quota.replicas: many}}\n'
    const { code, stderr } = await cli(['apply', '--dry-run=server', '-f', '-'], {}, quota)
    expect([code, stderr]).to.satisfy(
      ([code, said]: [number, string]) => code === 1 && said.includes('com.docker-faas.quota.replicas must be')
    )
  })

  it('-n goes before the namespace of a stack file, and must not contradict a manifest', async () => {
    expect((await cli(['apply', '-n', 'team-b', '-f', stack()])).stdout).to.equal(
      'function/hello.team-b created\nfunction/other.team-b created\n'
    )
    const manifest = write('m.yml', 'kind: Function\nmetadata: {name: a, namespace: team-a}\nspec: {image: "a:1"}\n')
    const run = await cli(['apply', '-n', 'team-b', '-f', manifest])
    expect([run.code, run.stderr]).to.deep.equal([
      2,
      `docker-faas: ${manifest}:2:32: a is to be in team-a, and --namespace says team-b\n`
    ])
  })

  it('asks the gateway of the stack file when nothing else names one, and sends it no credentials of others', async () => {
    const { DOCKER_FAAS_GATEWAY: _url, ...unnamed } = env
    const run = await runCli(['apply', '-f', stack()], { env: { ...unnamed, DOCKER_FAAS_TOKEN: 'secret' } })
    expect(run.code).to.equal(4)
    expect(run.stderr).to.contain('there are no credentials for http://192.0.2.1:8080 (provider.gateway of')
    const own = write('own.yml', `provider: {gateway: "${api.url}"}\nfunctions: {a: {image: "a:1"}}`)
    // Nor those of this machine's gateway to a port of it where something else may listen.
    expect((await runCli(['apply', '-f', own], { env: unnamed })).code).to.equal(4)
    const ofThisMachine = { ...unnamed, GATEWAY_ADDRESS: '127.0.0.1', GATEWAY_PORT: new URL(api.url).port }
    expect((await runCli(['apply', '-f', own], { env: ofThisMachine })).stdout).to.equal('function/a created\n')
  })

  it('--wait ends when the functions serve, and with 6 and the reason when they do not in time', async () => {
    const path = write('s.yml', 'functions: {a: {image: "a:1"}}')
    const late = await cli(['apply', '-f', path, '--wait', '--timeout', '100ms'])
    expect([late.code, late.stderr]).to.deep.equal([
      6,
      '1 created\nwaiting for 1 of 1: a: generation 1 was not looked at yet\ndocker-faas: timed out after 0.1 s:\n  a: generation 1 was not looked at yet\n'
    ])
    const object = await read('a')
    const at = '2026-01-01T00:00:00.000Z'
    const condition = (type: string, status: string, reason: string) => ({
      type,
      status,
      reason,
      message: 'm',
      lastTransitionTime: at
    })
    await api.store.functions.putStatus('openfaas-fn/a', object.metadata.uid, {
      ...object.status,
      observedGeneration: 1,
      conditions: [condition('Ready', 'True', 'ReplicasReady'), condition('Progressing', 'False', 'Converged')] as never
    })
    const done = await cli(['apply', '-f', path, '--wait'])
    expect([done.code, done.stderr]).to.deep.equal([0, 'nothing to do: 1 unchanged\n1 ready\n'])
  })

  it('diff prints what apply would change, with 1; nothing, with 0; and more than 1 when it cannot say', async () => {
    const path = stack()
    await cli(['apply', '-f', path])
    const same = await cli(['diff', '-f', path])
    expect([same.code, same.stdout, same.stderr]).to.deep.equal([0, '', ''])
    const other = await cli(['diff', '-f', path], { TAG: 'v2', FORCE_COLOR: '1' })
    expect([other.code, other.stderr]).to.deep.equal([1, ''])
    expect(other.stdout).to.contain('\x1b[1m--- written/function/hello\x1b[22m\n')
    expect(other.stdout).to.contain('\x1b[31m-  image: registry.example/hello:v1\x1b[39m\n')
    expect(other.stdout).to.contain('\x1b[32m+  image: registry.example/hello:v2\x1b[39m\n').and.not.contain('other')
    const fresh = await cli(['diff', '-f', '-'], {}, 'functions: {a: {image: "a:1"}}')
    expect([fresh.code, fresh.stdout.split('\n').slice(0, 4)]).to.deep.equal([
      1,
      ['--- written/function/a', '+++ wanted/function/a', '@@ -0,0 +1,7 @@', '+kind: Function']
    ])
    const refused = await cli(['diff', '-f', '-'], {}, 'functions: {a: {image: "not an image"}}')
    expect(refused.code).to.equal(2)
    expect(refused.stderr).to.contain('standard input:1:24: spec.image: must be an image reference')
  })
})
