import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { anEnvironment, runCli, startCli } from '../helpers/cli.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'
import { testkitImage } from '../helpers/images.ts'

describe('the life of a function, by the command line, on a real engine', function () {
  this.timeout(90_000)
  let gateway: TestGateway
  let directory: string
  before(async () => {
    const image = await testkitImage()
    gateway = await TestGateway.start()
    directory = await mkdtemp(join(tmpdir(), 'faas-cli-'))
    await writeFile(join(directory, 'stack.yml'), stack(image))
  })
  after(async () => {
    await gateway.close()
    await rm(directory, { recursive: true })
  })

  const stack = (image: string) =>
    [
      'version: 1.0',
      'provider: {name: openfaas}',
      'functions:',
      '  walk:',
      `    image: ${image}`,
      `    environment: {GREETING: '\${GREETING:-hello}'}`,
      ''
    ].join('\n')
  const envOf = (more: Record<string, string> = {}) => ({
    DOCKER_FAAS_GATEWAY: `http://127.0.0.1:${gateway.port}`,
    AUTH_PASSWORD: PASSWORD,
    ...more
  })
  /** The standard output of a command that must succeed. */
  async function cli(args: string[], more: { env?: Record<string, string>; stdin?: string } = {}): Promise<string> {
    const { env, ...given } = more
    const { code, stdout, stderr } = await runCli(args, { env: envOf(env), ...given })
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return stdout
  }
  const file = () => join(directory, 'stack.yml')

  it('goes from apply over calls, logs, scaling and revisions to its end', async () => {
    await cli(['apply', '-f', file()])
    expect(await cli(['wait', 'walk', '--for=condition=Ready', '--timeout', '60s'])).to.contain('met condition=Ready')
    expect(await cli(['apply', '-f', file()])).to.contain('unchanged')

    expect(await cli(['invoke', 'walk', '--path', '/a?b=1'], { stdin: 'hi' })).to.not.equal('')
    const call = await cli(['invoke', 'walk', '--async', '-d', 'later'])
    expect(call.trim()).to.match(/^[0-9a-f-]{36}$/)
    await eventually(async () =>
      expect(await cli(['invocations', 'list', '--call-id', call.trim()])).to.match(/ done +- +1 +200 /)
    )

    const followed = startCli(['logs', 'walk', '-f'], anEnvironment({ env: envOf() }))
    await eventually(() => expect(followed.stdout()).to.match(/^walk-0 \| /))

    expect(await cli(['scale', 'walk', '--replicas', '2', '--wait'])).to.contain('has its replicas')
    expect(await cli(['top', '--no-headers'])).to.match(/^walk +\d+m +\d+Mi +2\/2 /)

    await cli(['apply', '-f', file()], { env: { GREETING: 'bye' } })
    expect(await cli(['rollout', 'status', 'walk', '--timeout', '60s'])).to.contain('is as wanted: generation 3')
    expect(await cli(['rollout', 'history', 'walk', '--no-headers'])).to.match(/\benv\n$/)
    expect(await cli(['rollout', 'undo', 'walk', '--wait'])).to.contain('is as wanted')
    expect((await gateway.get('walk')).spec.env).to.deep.equal({ GREETING: 'hello' })
    // Lines of the replicas that came in the place of those that were followed.
    await eventually(
      () =>
        expect(
          followed
            .stdout()
            .split('\n')
            .filter(line => line.startsWith('walk-1 | '))
        ).to.not.be.empty
    )
    expect(await cli(['events', 'walk'])).to.contain('RolloutComplete')

    await cli(['delete', 'function/walk', '--no-wait'])
    await cli(['wait', 'walk', '--for=delete', '--timeout', '60s'])
    expect(await followed.done).to.include({ code: 0, stderr: 'function walk is gone\n' })
    expect(await gateway.containers('walk')).to.deep.equal([])
  })
})
