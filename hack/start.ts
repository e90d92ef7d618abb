/**
 * The gateway in the foreground, with a sample function that is deployed, called, killed and healed before your eyes.
 * `--demo` shows the killing on a later start too, `--exit` stops after it.
 */
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Api, isReady } from './api.ts'
import { type Gateway, isPortFree, logFileOf, runningGateway, startGateway } from './gateway.ts'
import { connectEngine, ensureHello } from './images.ts'
import { callSample, deploySample, killAndHeal } from './sample.ts'
import { readSettings, type Settings } from './settings.ts'

const START_PATIENCE_MS = 60_000
const POLL_MS = 100
const ECHO_MS = 1000

/** A mistake that the user can mend: told without a stack. */
class Problem extends Error {}

interface Wishes {
  readonly demo: boolean
  readonly exit: boolean
}

async function start(settings: Settings, wishes: Wishes): Promise<void> {
  await requirePorts(settings)
  const docker = connectEngine()
  await ensureHello(docker, console.log)
  const gateway = startGateway(settings, process.env)
  const stopping = new AbortController()
  let stoppedAt = Number.NEGATIVE_INFINITY
  const stop = () => {
    // Ctrl-C arrives twice, from the terminal and from npm; the gateway takes a second signal for impatience.
    if (performance.now() - stoppedAt < ECHO_MS) return
    stoppedAt = performance.now()
    if (!stopping.signal.aborted) console.log('\nStopping: running calls may end …')
    stopping.abort()
    gateway.stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  try {
    await untilServing(gateway, settings, stopping.signal)
    const api = new Api(settings, process.env)
    const deps = { api, docker, settings, signal: stopping.signal }
    const isNew = await deploySample(deps)
    await callSample(deps)
    if (isNew || wishes.demo) await killAndHeal(deps)
    if (wishes.exit) stop()
    else {
      console.log(nextSteps(api.url, settings))
      gateway.showLog()
    }
  } catch (err) {
    if (!stopping.signal.aborted) {
      gateway.stop()
      await gateway.ended
      throw err
    }
  }
  const code = await gateway.ended
  if (!stopping.signal.aborted) throw ended(gateway, settings, code)
  console.log(`The gateway has stopped; the functions run on. npm start finds them again, npm run clean removes them.`)
  process.exitCode = code
}

async function requirePorts(settings: Settings): Promise<void> {
  const pid = runningGateway(settings)
  if (pid !== undefined) {
    throw new Problem(
      `The gateway of this checkout runs already, as process ${pid}, at http://127.0.0.1:${settings.port}.`
    )
  }
  for (const [name, port] of [
    ['GATEWAY_PORT', settings.port],
    ['METRICS_PORT', settings.metricsPort]
  ] as const) {
    if (port === undefined || (await isPortFree(port))) continue
    throw new Problem(
      `Port ${port} is taken by another program. Choose another one with ${name}, for example:\n  ${name}=${port + 1000} npm start`
    )
  }
}

async function untilServing(gateway: Gateway, settings: Settings, signal: AbortSignal): Promise<void> {
  console.log('Starting the gateway …')
  const url = `http://127.0.0.1:${settings.port}`
  const end = performance.now() + START_PATIENCE_MS
  const early = gateway.ended.then(code => {
    throw signal.aborted ? new Problem('stopped') : ended(gateway, settings, code)
  })
  while (!(await Promise.race([isReady(url), early]))) {
    if (performance.now() > end)
      throw new Problem(`The gateway is not ready after 60 s; its log: ${logFileOf(settings)}`)
    await Promise.race([delay(POLL_MS, undefined, { signal }), early])
  }
  early.catch(() => undefined) // from here on the end is awaited elsewhere
  console.log(`✔ The gateway is ready at ${url}`)
}

function ended(gateway: Gateway, settings: Settings, code: number): Problem {
  const lines = gateway.lastLines().map(line => `  ${line}`)
  return new Problem(
    [`The gateway ended with code ${code}. Its last lines, of ${logFileOf(settings)}:`, ...lines].join('\n')
  )
}

/** Variables by which the command line finds this gateway, where they are not as it takes them by itself. */
function exportsFor(databasePath: string, env: NodeJS.ProcessEnv): string[] {
  const names = ['GATEWAY_ADDRESS', 'GATEWAY_PORT', 'AUTH_USER', 'AUTH_PASSWORD_FILE', 'AUTH_ENABLED']
  const given = names.filter(name => env[name]).map(name => `export ${name}=${env[name]}`)
  if (env['AUTH_PASSWORD']) given.push('export AUTH_PASSWORD=…    # as here')
  if (env['STATE_DB_PATH']) given.push(`export STATE_DB_PATH=${resolve(databasePath)}`)
  return [...given, `export PATH="${join(import.meta.dirname, 'bin')}:$PATH"`]
}

function nextSteps(url: string, { user, passwordFile, sample, databasePath }: Settings): string {
  return `
Now you, in another terminal. The gateway's log goes on below; Ctrl-C stops the gateway, and the functions run on.

  # The command docker-faas, in any folder. docker-faas --help lists what it does; docs/cli.md says more.
  ${exportsFor(databasePath, process.env).join('\n  ')}

  # How is it? And what was done, and why?
  docker-faas get functions
  docker-faas describe ${sample}

  # Three replicas; call it a few times, and they take turns.
  docker-faas scale ${sample} --replicas 3 --wait
  echo Ada | docker-faas invoke ${sample}

  # Kill or remove one; it is back at once.
  docker kill ${sample}-1; sleep 3; docker ps

  # Change it: each replica goes only when its successor answers.
  docker-faas get function ${sample} -o yaml > ${sample}.yml
  sed -i 's/env: {}/env: {GREETING: Ahoy}/' ${sample}.yml
  docker-faas diff -f ${sample}.yml
  docker-faas apply -f ${sample}.yml --wait

  # All of it is HTTP, too: docs/api.md, and the page ${url}/docs
  auth="${user}:$(cat ${resolve(passwordFile)})"
  curl -u "$auth" ${url}/v1/functions/${sample}/status

  # Delete it. And after Ctrl-C, in the folder of the checkout, remove all that was made in Docker:
  docker-faas delete function ${sample}
  npm run clean
`
}

const { values } = parseArgs({ options: { demo: { type: 'boolean' }, exit: { type: 'boolean' } } })
try {
  const demo = values.demo ?? process.env['DEMO'] === '1'
  await start(readSettings(process.env), { demo, exit: values.exit ?? false })
} catch (err) {
  console.error(err instanceof Problem ? `\n${err.message}` : err)
  process.exitCode = 1
}
