import { expect } from 'chai'
import fc from 'fast-check'
import { type Config, type ConfigName, configNames, metaOf, NO_EFFECT_YET } from './config.ts'
import { ConfigError, loadConfig } from './load.ts'

type Env = Record<string, string | undefined>

function problemsOf(env: Env): ConfigError['problems'] {
  return refusal(env).problems
}

function refusal(env: Env): ConfigError {
  try {
    loadConfig(env)
  } catch (err) {
    if (err instanceof ConfigError) return err
    throw err
  }
  throw new Error(`${JSON.stringify(env)} is accepted`)
}

describe('loadConfig', () => {
  it('gives every default in its unit, frozen', () => {
    const config = loadConfig({})
    const expected: Partial<Config> = {
      GATEWAY_PORT: 8080,
      READ_TIMEOUT: 60_000,
      AUTH_RATE_WINDOW: 60_000,
      BUILD_HISTORY_RETENTION: 86_400_000,
      FUNCTIONS_SUBNET_POOL: '10.62.0.0/16',
      RECONCILE_INTERVAL_SECONDS: 30,
      TMPFS_BYTES: 64 * 2 ** 20,
      LOG_MAX_BYTES: 10 * 2 ** 20,
      MEMORY_DEFAULT: 0,
      STATE_DB_PATH: 'docker-faas.db',
      AUTH_ENABLED: true,
      DEBUG_BIND_ADDRESS: '127.0.0.1'
    }
    expect(config).to.include(expected)
    expect(Object.isFrozen(config)).to.equal(true)
    expect(Object.isFrozen(config.CORS_ALLOWED_ORIGINS)).to.equal(true)
  })

  const accepted: [ConfigName, string, unknown][] = [
    ['READ_TIMEOUT', '1m30s', 90_000],
    ['READ_TIMEOUT', '45', 45_000],
    ['STOP_GRACE', '0s', 0],
    ['GATEWAY_PORT', '0', 0],
    ['AUTH_ENABLED', 'FALSE', false],
    ['AUTH_ENABLED', '1', true],
    ['MEMORY_DEFAULT', '128Mi', 128 * 2 ** 20],
    ['LOG_LEVEL', 'WARNING', 'warn'],
    ['IMAGE_PULL_POLICY', 'always', 'Always'],
    ['FUNCTIONS_SUBNET_POOL', '172.20.0.0/14', '172.20.0.0/14'],
    ['DEBUG_PORT_RANGE', '3000-3002', { first: 3000, last: 3002 }],
    ['GATEWAY_ADDRESS', '::', '::'],
    ['DOCKER_HOST', 'tcp://10.0.0.1:2375', 'tcp://10.0.0.1:2375'],
    ['NO_COLOR', '0', true],
    ['CORS_ALLOWED_ORIGINS', 'https://a.example, *', ['https://a.example', '*']]
  ]
  for (const [name, text, value] of accepted) {
    it(`takes ${name}=${text}`, () => expect(loadConfig({ [name]: text })[name]).to.deep.equal(value))
  }

  const refused: [ConfigName, string][] = [
    ['READ_TIMEOUT', '0s'],
    ['READ_TIMEOUT', '5 minutes'],
    ['EXEC_TIMEOUT', '25h'],
    ['GATEWAY_PORT', '65536'],
    ['GATEWAY_PORT', '-1'],
    ['GATEWAY_PORT', '8080.5'],
    ['GATEWAY_PORT', '0x50'],
    ['AUTH_ENABLED', 'maybe'],
    ['AUTH_ENABLED', 'constructor'],
    ['LOG_LEVEL', 'toString'],
    ['INSTANCE_ID', 'a'.repeat(41)],
    ['INSTANCE_ID', 'Upper'],
    ['FUNCTIONS_SUBNET_POOL', '10.62.0.0/7'],
    ['FUNCTIONS_SUBNET_POOL', '10.62.0.0/25'],
    ['FUNCTIONS_SUBNET_POOL', '10.62.1.0/16'],
    ['FUNCTIONS_SUBNET_POOL', '127.0.0.0/8'],
    ['FUNCTIONS_SUBNET_POOL', '224.0.0.0/8'],
    ['FUNCTIONS_SUBNET_POOL', 'fd00::/16'],
    ['DEBUG_PORT_RANGE', '20000'],
    ['DEBUG_PORT_RANGE', '20000-20001'],
    ['DEBUG_PORT_RANGE', '1000-2000'],
    ['DEBUG_PORT_RANGE', '65000-65536'],
    ['DEBUG_PORT_RANGE', '21999-20000'],
    ['DEBUG_BIND_ADDRESS', 'localhost'],
    ['GATEWAY_ADDRESS', 'localhost'],
    ['DOCKER_HOST', '/var/run/docker.sock'],
    ['MEMORY_DEFAULT', '5Mi'],
    ['MEMORY_DEFAULT', 'lots'],
    ['MAX_REPLICAS', '0'],
    ['CORS_ALLOWED_ORIGINS', 'a.example']
  ]
  for (const [name, value] of refused) {
    it(`refuses ${name}=${value}, and shows the value and an example that would do`, () => {
      const [problem, ...others] = problemsOf({ [name]: value })
      expect(others).to.deep.equal([])
      expect(problem).to.include({ variable: name, value })
      const [variable, example] = (problem?.example ?? '').split('=')
      expect(() => loadConfig({ [variable ?? '']: example })).not.to.throw()
    })
  }

  it('leaves alone the variables of the command line as a client', () => {
    const env = {
      DOCKER_FAAS_GATEWAY: 'https://x',
      DOCKER_FAAS_TOKEN: 't',
      DOCKER_FAAS_CONTEXT: 'c',
      OPENFAAS_URL: 'u'
    }
    expect(loadConfig(env)).to.deep.equal(loadConfig({}))
  })

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries(configNames().map(name => [name, '']))
    expect(loadConfig({ ...empty, DOCKER_FAAS_X: '', LOG_LEVELS: ' ' })).to.deep.equal(loadConfig({}))
  })

  it('names every mistake at once, also those between variables', () => {
    const err = refusal({ LOG_LEVEL: 'loud', GATEWAY_PORT: '9090', DEFAULT_REPLICAS: '11', DOCKER_FAAS_USER: 'x' })
    expect(err.exitCode).to.equal(78)
    expect(err.problems.map(({ variable }) => variable)).to.have.members([
      ...['DOCKER_FAAS_USER', 'LOG_LEVEL', 'METRICS_PORT', 'DEFAULT_REPLICAS']
    ])
    for (const { variable, message } of err.problems) expect(err.message).to.contain(variable).and.contain(message)
  })

  it('S42: wants the certificate and its key together', () => {
    const one = (name: ConfigName) => problemsOf({ [name]: '/tls/file' }).map(({ variable }) => variable)
    expect(one('TLS_CERT_FILE')).to.deep.equal(['TLS_KEY_FILE'])
    expect(one('TLS_KEY_FILE')).to.deep.equal(['TLS_CERT_FILE'])
    loadConfig({ TLS_CERT_FILE: '/tls/file', TLS_KEY_FILE: '/tls/key' })
  })

  it('allows one port for both when it is any free one, or metrics are off', () => {
    loadConfig({ GATEWAY_PORT: '0', METRICS_PORT: '0' })
    loadConfig({ GATEWAY_PORT: '9090', METRICS_ENABLED: 'false' })
  })

  for (const [name, meant] of [
    ['GATEWAY_PROT', 'GATEWAY_PORT'],
    ['AUTH_PASWORD', 'AUTH_PASSWORD'],
    ['METRICS_PORTS', 'METRICS_PORT'],
    ['DOCKER_FAAS_GATEWAY_PORT', 'GATEWAY_PORT'],
    ['DOCKER_FAAS_MAX_REPLICA', 'MAX_REPLICAS']
  ] as const) {
    it(`asks whether ${name} means ${meant}`, () => {
      const value = 'a-value-that-may-be-a-secret'
      const err = refusal({ [name]: value })
      expect(err.message).to.contain(`did you mean ${meant}?`).and.not.contain(value)
    })
  }

  it('leaves variables of others alone', () => {
    const names = ['DOCKER_CONFIG', 'DOCKER_CONTEXT', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'DOCKER_API_VERSION']
    const more = [
      'DOCKER_BUILDKIT',
      'DOCKER_PORT',
      'PATH',
      'HOME',
      'HOSTNAME',
      'NODE_ENV',
      'LANG',
      'AUTH',
      'PORT',
      '__proto__'
    ]
    loadConfig(Object.fromEntries([...names, ...more].map(name => [name, 'x'])))
  })

  it('knows AUTH_PASSWORD and lets it go nowhere', () => {
    const config = loadConfig({ AUTH_PASSWORD: 'hunter2-canary' })
    expect(JSON.stringify(config)).not.to.contain('canary')
  })

  it('shows no value of a variable that may hold a secret, nor what is secret in a URL', () => {
    expect(refusal({ AUTH_USER: 'admin:canary' }).message).not.to.contain('canary')
    expect(refusal({ DOCKER_HOST: 'ftp://me:canary@host' }).message)
      .to.contain('DOCKER_HOST')
      .and.not.contain('canary')
  })

  it('knows which variables have no effect yet', () => {
    expect(NO_EFFECT_YET).to.include('BUILD_OUTPUT_LIMIT').and.not.include('CORS_ALLOWED_ORIGINS')
  })

  it('describes every variable', () => {
    for (const name of configNames()) {
      expect(metaOf(name).about, name).to.match(/^[A-Z].{8,}[^.]$/)
    }
  })

  const Value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '0',
      '1',
      '-1',
      '9'.repeat(400),
      '1e9',
      '1h',
      `${'9'.repeat(20)}h`,
      '0.0.0.0/0',
      '10.0.0.0/99',
      '1Ti',
      'true',
      ''
    ),
    fc.integer().map(String)
  )
  const AnyName = fc.oneof(
    fc.constantFrom<string>(...configNames()),
    fc.string(),
    fc.string().map(end => `DOCKER_FAAS_${end}`)
  )

  it('throws nothing but ConfigError, whatever the environment', () =>
    fc.assert(
      fc.property(fc.dictionary(AnyName, fc.option(Value, { nil: undefined })), env => {
        try {
          expect(Object.values(loadConfig(env)).some(value => value === undefined || Number.isNaN(value))).to.equal(
            false
          )
        } catch (err) {
          if (!(err instanceof ConfigError)) throw err
          expect(err.problems).not.to.deep.equal([])
        }
      }),
      { numRuns: 1000 }
    ))
})
