import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { Scratch } from '../fixtures/db/files.ts'
import { runCli } from '../helpers/cli.ts'

/** Sets the title of a terminal, once by a control character of C1, which JSON does not escape, and turns what follows around. */
const EVIL = 'x\x1b]0;owned\x07\u009b2J\u202e'
const COMMANDING = /[\p{Cc}\p{Cf}]/u

const TIME = '2026-01-01T00:00:00.000Z'
const metadata = { name: EVIL, namespace: EVIL, uid: EVIL, labels: { a: EVIL }, createdAt: TIME }
const answers: [command: string, answer: object][] = [
  ['invocations list', { items: [{ id: EVIL, namespace: EVIL, name: EVIL, phase: EVIL, acceptedAt: EVIL }] }],
  ['invocations list --json', { items: [{ id: EVIL }] }],
  ['invocations get 1', { id: EVIL }],
  ['schedules', { items: [{ namespace: EVIL, function: EVIL, schedule: EVIL, timezone: EVIL, fault: EVIL }] }],
  ['schedules --json', { items: [{ function: EVIL }] }],
  [
    'adopt',
    { active: true, adopt: [{ function: EVIL, image: EVIL }], conflicts: [], delete: [{ name: EVIL }], forged: 0 }
  ],
  ['adopt --json', { since: EVIL }],
  ['adopt --confirm', { active: false, adopted: [EVIL], deleted: [] }],
  ['token create t --scope read', { token: EVIL, name: EVIL, id: EVIL, scopes: [EVIL] }],
  ['token create t --scope read --json', { token: EVIL }],
  ['token list --json', { items: [{ name: EVIL }] }],
  ['token list', { items: [{ name: EVIL, id: EVIL, scopes: [EVIL], createdAt: TIME }] }],
  ['secret rotate-key', { keyId: EVIL, resealed: 1, unreadable: [EVIL], unusedKeyIds: [EVIL], removedKeyIds: [EVIL] }],
  ['secret rotate-key --json', { keyId: EVIL, unreadable: [] }],
  ['profile list', { items: [{ metadata, spec: { user: EVIL, runtime: EVIL } }] }],
  ['get namespaces -o name', { items: [{ metadata }] }],
  ['get secrets -o json', { items: [{ metadata }] }],
  ['events', { items: [{ ...metadata, reason: EVIL, message: EVIL, type: EVIL, lastAt: EVIL }], metadata: {} }],
  ['top', { items: [{ metadata, replicas: EVIL, readyReplicas: 1, invocationCount: EVIL, inflight: EVIL }] }],
  ['rollout history hello', { items: [{ revision: EVIL, createdAt: EVIL, spec: { image: EVIL, env: { a: EVIL } } }] }],
  ['logs hello --timestamps', { name: EVIL, instance: EVIL, timestamp: EVIL, text: EVIL }],
  ['logs hello -o json', { name: EVIL, instance: EVIL, timestamp: EVIL, text: EVIL }]
]

describe('docker-faas before what others have written', () => {
  let server: Server
  let answer: object
  let asked: (string | undefined)[]
  before(async () => {
    server = createServer((req, res) => {
      asked.push(req.headers.authorization)
      res.end(JSON.stringify(answer))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })
  after(() => new Promise(resolve => server.close(resolve)))
  beforeEach(() => {
    asked = []
  })
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  for (const [command, given] of answers) {
    it(`S37: ${command} shows a terminal nothing that commands it`, async () => {
      answer = given
      const env = { DOCKER_FAAS_GATEWAY: url(), DOCKER_FAAS_TOKEN: 't', NO_COLOR: '1' }
      const { stdout, stderr } = await runCli(command.split(' '), { env, isTTY: true })
      expect(asked).to.not.be.empty
      expect(stdout).to.match(/x\\(x|u00)1b/)
      for (const line of `${stdout}${stderr}`.split('\n')) expect(line).not.to.match(COMMANDING)
    })
  }

  it('a gateway that a stack file names gets no token of --token-file', async () => {
    await using scratch = await Scratch.create()
    const [stack, token] = [join(scratch.directory, 'stack.yml'), join(scratch.directory, 'token')]
    await writeFile(stack, `provider: {gateway: "${url()}/x"}\nfunctions: {a: {image: "a:1"}}`)
    await writeFile(token, 'secret')
    const run = await runCli(['apply', '-f', stack, '--token-file', token], { env: {} })
    expect(asked).to.be.empty
    expect([run.code, run.stderr]).to.deep.equal([
      2,
      `docker-faas: --token-file does not go to ${url()}/x, as provider.gateway of ${stack} names it: say --gateway as well\n`
    ])
  })
})
