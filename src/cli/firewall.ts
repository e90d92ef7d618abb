import { setTimeout as sleep } from 'node:timers/promises'
import { firewallWish, rivalProblem } from '../assembly/firewall.ts'
import { loadConfig } from '../config/load.ts'
import { Firewall } from '../engine/firewall.ts'
import { createLogger } from '../logging/logger.ts'
import type { Environment } from './environment.ts'

/** Writes the rules where they are not as they should be; with `keep`, again and again until SIGINT or SIGTERM. */
export async function applyFirewall(
  { env, stdout, onSignal }: Environment,
  { keep }: { readonly keep: boolean }
): Promise<void> {
  const config = loadConfig(env)
  const firewall = new Firewall()
  const wish = firewallWish(config)
  if (!keep) {
    const mended = await firewall.apply(wish)
    stdout.write(mended.length === 0 ? 'the firewall is as it should be\n' : `${mended.join('\n')}: written\n`)
    const rivals = await firewall.rivals(wish)
    if (rivals.length > 0) stdout.write(`${rivalProblem(rivals)}\n`)
    return
  }
  const log = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT, colour: false })
  const stopped = new AbortController()
  const ended = onSignal(async () => stopped.abort())
  while (!stopped.signal.aborted) {
    try {
      const mended = await firewall.apply(wish)
      if (mended.length > 0) log.info({ problems: mended }, 'Wrote firewall')
    } catch (err) {
      log.error({ err }, 'Failed to write firewall')
    }
    await sleep(config.RECONCILE_INTERVAL_SECONDS * 1000, undefined, stopped).catch(() => undefined)
  }
  await ended
}

/** Says what is not as it should be, and then fails. */
export async function checkFirewall({ env, stdout }: Environment): Promise<void> {
  const problems = await new Firewall().check(firewallWish(loadConfig(env)))
  if (problems.length > 0) throw new Error(`${problems.join('; ')}: "docker-faas firewall apply" writes the rules`)
  stdout.write('the firewall is as it should be\n')
}

/** Takes the rules away. */
export async function removeFirewall({ env, stdout }: Environment): Promise<void> {
  await new Firewall().remove(firewallWish(loadConfig(env)))
  stdout.write('the firewall of this installation is gone\n')
}
