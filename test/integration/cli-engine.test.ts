import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { type CliRun, runCli } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'

describe('docker-faas as a client, on a real engine', function () {
  this.timeout(120_000)
  let gateway: TestGateway
  let stack: string

  before(async () => {
    stack = `functions: {hello: {image: "${await testkitImage()}", environment: {VERSION: "\${VERSION:-1}"}}}`
    gateway = await TestGateway.start()
  })
  after(() => gateway.close())

  const cli = (args: string[], env: Record<string, string> = {}): Promise<CliRun> =>
    runCli(args, {
      env: { DOCKER_FAAS_GATEWAY: `http://127.0.0.1:${gateway.port}`, AUTH_PASSWORD: PASSWORD, ...env },
      stdin: stack
    })

  it('apply --wait ends when the function answers, with progress; the second time nothing happens', async () => {
    const first = await cli(['apply', '-f', '-', '--wait', '--timeout', '40s'])
    expect(first.code, first.stderr).to.equal(0)
    expect(first.stdout).to.equal('function/hello created\n')
    expect(first.stderr).to.match(/^1 created\n(waiting for 1 of 1: hello: .+\n)+1 ready\n$/)
    expect((await gateway.call('POST', '/function/hello', 'hi')).status).to.equal(200)
    expect((await cli(['get', 'functions'])).stdout).to.match(/\nhello {3}1\/1 {5}ReplicasReady /)
    const [container] = await gateway.containers('hello')
    const again = await cli(['apply', '-f', '-', '--wait'])
    expect([again.code, again.stderr]).to.deep.equal([0, 'nothing to do: 1 unchanged\n1 ready\n'])
    expect((await cli(['diff', '-f', '-'])).code).to.equal(0)
    expect(await gateway.containers('hello')).to.deep.equal([container])
  })

  it('a change rolls it, and describe tells of that', async () => {
    expect((await cli(['diff', '-f', '-'], { VERSION: '2' })).stdout).to.contain(
      '-    VERSION: "1"\n+    VERSION: "2"\n'
    )
    const changed = await cli(['apply', '-f', '-', '--wait', '--timeout', '40s'], { VERSION: '2' })
    expect([changed.code, changed.stdout]).to.deep.equal([0, 'function/hello configured\n'])
    const { stdout } = await cli(['describe', 'hello'])
    expect(stdout).to.match(/^Replicas: {5}1 wanted, 1 there: 1 ready/m)
    expect(stdout).to.match(/^Invocations: {2}1$/m)
    // Docker tells it a moment after the start.
    await eventually(async () =>
      expect((await cli(['describe', 'hello'])).stdout).to.match(/^Usage: {8}\d+m CPU, [\d.]+ MiB$/m)
    )
    expect(stdout).to.match(/ RolloutComplete | ReplicaReady /)
  })

  it('an update with a secret that is not there ends early, and the old replica serves on', async () => {
    const { stdout: manifest } = await cli(['get', 'function', 'hello', '-o', 'json'])
    const { metadata, spec } = JSON.parse(manifest)
    const body = JSON.stringify({ metadata: { name: metadata.name }, spec: { ...spec, secrets: ['none'] } })
    await gateway.call('POST', '/v1/functions', body)
    const { code, stderr } = await cli(['rollout', 'status', 'hello', '--timeout', '5m'])
    expect([code, stderr]).to.satisfy(
      ([code, said]: [number, string]) =>
        code === 1 && /waiting does not help: .*SecretMissing: secrets are missing: none/.test(said)
    )
    expect((await gateway.call('POST', '/function/hello', 'hi')).status).to.equal(200)
  })

  it('delete ends when Docker holds nothing of it', async () => {
    const run = await cli(['delete', 'function', 'hello'])
    expect([run.code, run.stdout]).to.deep.equal([0, 'function/hello deleted\n'])
    expect(await gateway.containers('hello')).to.deep.equal([])
    expect((await cli(['get', 'function', 'hello'])).code).to.equal(3)
  })

  it('docs/cli.md shows commands that work as they stand', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'faas-cli-docs-'))
    try {
      const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8')
      const [, manifest = ''] = /^```yaml stack\.yml\n(.*?)^```$/ms.exec(text) ?? []
      const [, session = ''] = /^```sh\n(.*?)^```$/ms.exec(text) ?? []
      await writeFile(join(folder, 'stack.yml'), manifest)
      await writeFile(join(folder, 'password'), `${PASSWORD}\n`)
      await writeFile(join(folder, 'docker-faas'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
        mode: 0o755
      })
      const env = {
        ...{ PATH: `${folder}:${process.env['PATH']}`, HOME: folder, ...COMPILE_CACHE },
        ...{ GATEWAY: `http://127.0.0.1:${gateway.port}`, IMAGE: await testkitImage() }
      }
      const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', session], {
        cwd: folder,
        env
      })
      expect(stderr.match(/^nothing to do: 1 unchanged$/gm)).to.have.length(2)
      expect(stdout).to.contain('-    GREETING: hi\n+    GREETING: hello\n')
      expect(stdout).to.match(/^hello {3}1\/1 {5}ReplicasReady /m)
      expect(stdout).to.contain('"body":"hi\\n"')
      expect(stdout).to.contain('\nfunction/hello deleted\nlogged out of context prod\n')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
