import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ensureProgram } from '../../hack/packages.ts'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { runCli } from '../helpers/cli.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

describe('completion of command lines', function () {
  this.timeout(30_000)
  let api: ApiServer
  let env: Record<string, string>
  let directory: string
  before(async () => {
    api = await startApi()
    for (const name of ['hello', 'help-me', 'other']) {
      await api.request('POST', '/v1/functions', { metadata: { name }, spec: { image: 'a:1' } })
    }
    await api.request('POST', '/v1/namespaces', { metadata: { name: 'team-a' } })
    await api.request('POST', '/v1/functions?namespace=team-a', {
      metadata: { name: 'theirs' },
      spec: { image: 'a:1' }
    })
    directory = await mkdtemp(join(tmpdir(), 'faas-complete-'))
    const program = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'src/main.ts')}' "$@"\n`
    await writeFile(join(directory, 'docker-faas'), program)
    await chmod(join(directory, 'docker-faas'), 0o755)
    await writeFile(join(directory, 'input.json'), '{}')
    const config = 'contexts:\n  prod: {gateway: http://127.0.0.1:9}\n  "a$(touch x)": {gateway: http://127.0.0.1:9}\n'
    await writeFile(join(directory, 'config.yaml'), config, { mode: 0o600 })
    env = {
      DOCKER_FAAS_CONFIG: join(directory, 'config.yaml'),
      DOCKER_FAAS_GATEWAY: api.url,
      AUTH_PASSWORD: PASSWORD
    }
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })

  /** The words that are offered in place of the last one. */
  async function words(shell: string, ...typed: string[]): Promise<string[]> {
    const { code, stdout, stderr } = await runCli(['__complete', shell, '--', ...typed], { env })
    expect([code, stderr]).to.deep.equal([0, ''])
    return stdout
      .split('\n')
      .slice(0, -1)
      .map(line => line.split('\t')[0] ?? '')
  }

  const cases: [typed: string[], offered: string[]][] = [
    [['roll'], ['rollout']],
    [['rollout', 'st'], ['status']],
    [['rollout', '--', 'st'], ['status']],
    [
      ['invoke', 'hel'],
      ['hello', 'help-me']
    ],
    [['invoke', '-v', '--timeout', '3s', 'oth'], ['other']],
    [['invoke', '-n', 'team-a', ''], ['theirs']],
    [['invoke', '--namespace=team-a', ''], ['theirs']],
    [['invoke', 'hello', ''], []],
    [['wait', 'hello', 'o'], ['other']],
    [['rollout', 'status', '-n', 'te'], ['team-a']],
    [['get', '-o', 'j'], ['json']],
    [['get', '--output=y'], ['--output=yaml']],
    [['get', 'f'], ['functions']],
    [['get', 'functions', 'hello', 'o'], ['other']],
    [['delete', 'namespace', 'tea'], ['team-a']],
    [['get', 'schedules', ''], []],
    [['config', 'use-context', ''], ['prod']],
    [['secrets', 'rot'], ['rotate-key']],
    [['token', 'create', 'x', '--scope', 'inv'], ['invoke']],
    [['logs', '--inst'], ['--instance']],
    [['logs', 'hello', '--', '--inst'], []],
    [['completion', 'z'], ['zsh']],
    [['secret', 'create', 'x', '--from-file', ''], [':files']],
    [['no-such-command', ''], []],
    [['invoke', '--gateway', 'http://127.0.0.1:9', ''], []],
    [['__comp'], []]
  ]
  for (const [typed, offered] of cases) {
    it(`offers ${JSON.stringify(offered)} for ${JSON.stringify(typed.join(' '))}`, async () => {
      expect(await words('zsh', ...typed)).to.deep.equal(offered)
    })
  }

  it('offers every command and every option with what it means', async () => {
    expect(await words('fish', '')).to.include.members(['invoke', 'logs', 'apply', 'serve', 'completion'])
    const { stdout } = await runCli(['__complete', 'fish', '--', 'wait', '--t'], { env })
    expect(stdout).to.equal(
      '--timeout\thow long to wait; then the code is 6\n--token-file\ta file with a token; else DOCKER_FAAS_TOKEN, DOCKER_FAAS_TOKEN_FILE, that of the context\n'
    )
  })

  it('gives bash what follows the signs at which it parts words', async () => {
    expect(await words('bash', 'get', '--output', '=', 'y')).to.deep.equal(['yaml'])
    expect(await words('bash', 'get', '--output', '=')).to.deep.equal(['table', 'wide', 'json', 'yaml', 'name'])
    expect(await words('bash', 'invoke', '--gateway', 'http', ':', '//127.0.0.1', ':', '9', '')).to.deep.equal([])
    const [host, port] = api.url.replace('http://', '').split(':')
    expect(await words('bash', 'invoke', '--gateway', 'http', ':', `//${host}`, ':', port ?? '', 'o')).to.deep.equal([
      'other'
    ])
  })

  it('has no source for an argument that no command has', async () => {
    const { SOURCES_OF_ARGUMENTS, SOURCES_OF_OPTIONS } = await import('../../src/cli/completion/sources.ts')
    const help = await Promise.all(
      Object.keys(SOURCES_OF_ARGUMENTS)
        .filter(key => key.includes(' '))
        .map(async key => {
          const path = key.split(' ')
          const argument = path.pop()
          return { key, argument, text: (await runCli([...path, '--help'], { env })).stdout }
        })
    )
    for (const { key, argument, text } of help)
      expect(text, key).to.match(new RegExp(`^Usage: .*[<[]${argument}[\\].>]`))
    expect(Object.keys(SOURCES_OF_OPTIONS)).to.include('namespace')
  })

  /** What bash puts in the place of the last word of each line. */
  async function complete(...lines: string[][]): Promise<string[]> {
    const script = lines.map(line => {
      const words = line.map(word => `'${word}'`).join(' ')
      return `COMP_WORDS=(docker-faas ${words}); COMP_CWORD=${line.length}; _docker_faas; echo "\${COMPREPLY[*]}"`
    })
    const source = 'source <(docker-faas completion bash)'
    const { stdout } = await run('bash', ['-c', [source, ...script].join('\n')], { cwd: directory, env: shellEnv() })
    return stdout.split('\n').slice(0, -1)
  }
  const shellEnv = () => ({ ...env, PATH: `${directory}:${process.env['PATH']}`, HOME: directory })

  it('works in bash, and runs nothing that was typed or that a gateway said', async () => {
    const offered = await complete(
      ['invoke', 'hel'],
      ['invoke', '-d', '$(touch typed)', '; touch typed', 'hel'],
      ['config', 'use-context', '']
    )
    expect(offered).to.deep.equal(['hello help-me', '', 'prod'])
    const { stdout } = await run('ls', [directory])
    expect(stdout.split('\n').sort().filter(Boolean)).to.deep.equal(['config.yaml', 'docker-faas', 'input.json'])
  })

  /** What a terminal shows of a shell at which this is typed. */
  async function typeTo(shell: string, lines: readonly string[]): Promise<string> {
    const child = spawn('script', ['-qec', shell, '/dev/null'], {
      cwd: directory,
      env: { ...shellEnv(), TERM: 'dumb', HISTFILE: '/dev/null' },
      stdio: ['pipe', 'pipe', 'inherit']
    })
    for (const line of lines) child.stdin.write(line)
    return await text(child.stdout)
  }

  it('works at a prompt: a tab completes a command, a name and a file', async () => {
    const shown = await typeTo('bash --norc --noprofile -i', [
      'PS1=; bind "set bell-style none"; source <(docker-faas completion bash)\n',
      'docker-faas roll\tst\thell\t\u0001echo "<\u0005>"\n',
      'docker-faas secret create x --from-file inp\t\u0001echo "<\u0005>"\n',
      'exit\n'
    ])
    expect(shown).to.match(/^<docker-faas rollout status hello >\r$/m)
    expect(shown).to.match(/^<docker-faas secret create x --from-file input.json >\r$/m)
  })

  // At night: these shells are on few machines, and take long to be installed.
  for (const shell of (process.env['COMPLETION_SHELLS'] ?? '').split(',').filter(name => name !== '')) {
    it(`works in ${shell}`, async function () {
      this.timeout(300_000)
      ensureProgram(shell, shell, line => process.stdout.write(`${line}\n`))
      if (shell === 'fish') {
        const script = 'source (docker-faas completion fish | psub); complete -C "docker-faas invoke hel"'
        const { stdout } = await run('fish', ['-c', script], { cwd: directory, env: shellEnv() })
        expect(stdout).to.equal('hello\nhelp-me\n')
        return
      }
      const shown = await typeTo('zsh -f -i', [
        'autoload -Uz compinit; compinit -D -u; source <(docker-faas completion zsh); PS1=\n',
        'docker-faas roll\tst\thell\t\u0001echo "<\u0005>"\n',
        'exit\n'
      ])
      expect(shown).to.match(/^<docker-faas rollout status hello>\r$/m)
    })
  }

  it('prints scripts of which none asks for a program that need not be there', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout } = await runCli(['completion', shell], { env })
      expect(stdout).to.contain(`docker-faas __complete ${shell} -- `).and.not.contain('eval')
    }
    expect((await runCli(['completion', 'csh'], { env })).code).to.equal(2)
  })
})
