import { execFile } from 'node:child_process'
import { type Chain, type Entry, type FirewallWish, firewallChains, type Rule, rivalChains } from './firewall-rules.ts'

/** Runs a program to its end; gives what it printed. Rejects, with `stderr`, when it fails. */
export type RunProgram = (program: string, args: readonly string[], input?: string) => Promise<string>

const TIMEOUT_MS = 15_000
/** Seconds to wait for whoever else changes rules at the moment. */
const WAIT = ['-w', '5']

/** The firewall cannot be looked at or changed from here; the message says why. */
export class FirewallError extends Error {
  override name = 'FirewallError'
}

/**
 * The rules of iptables, in the network namespace of this process, that keep functions from the host, from each other
 * and from metadata addresses. Chains of others are not touched but for one jump in each of two.
 */
export class Firewall {
  readonly #run: RunProgram
  /** Chain → how it was listed when it had just been written. */
  readonly #written = new Map<string, string>()

  constructor(run: RunProgram = runProgram) {
    this.#run = run
  }

  /** Makes the rules so, where they are not; gives what was amiss. Throws `FirewallError`. */
  async apply(wish: FirewallWish): Promise<string[]> {
    const chains = firewallChains(wish)
    const problems = await this.#problems(chains)
    if (problems.length === 0) return []
    await this.#write(chains)
    for (const { name, entry } of chains) if (entry !== undefined) await this.#lead(entry, name)
    for (const { name } of chains) this.#written.set(name, (await this.#list(name)) ?? '')
    return problems
  }

  /** What is not so, in words; none: all is as wished. Changes nothing. Throws `FirewallError`. */
  check(wish: FirewallWish): Promise<string[]> {
    return this.#problems(firewallChains(wish))
  }

  /** The chains of other installations that refuse what is let through, with their pools. Throws `FirewallError`. */
  async rivals(wish: FirewallWish): Promise<string[]> {
    return rivalChains(wish, rulesOf((await this.#list('INPUT')) ?? ''))
  }

  /** Takes the chains of the installation away, and what leads to them; gives whether there were any. */
  async remove({ instance }: Pick<FirewallWish, 'instance'>): Promise<boolean> {
    const chains = firewallChains({ instance, pool: '0.0.0.0/0', mayCallGateway: false, gatewayPort: 0, hostPorts: [] })
    const found: string[] = []
    for (const { name, entry } of chains) {
      this.#written.delete(name)
      for (const source of entry?.from ?? []) await this.#unlead(source, name)
      if ((await this.#list(name)) !== undefined) found.push(name)
    }
    for (const name of found) await this.#iptables(['-F', name])
    for (const name of found) await this.#iptables(['-X', name])
    return found.length > 0
  }

  async #problems(chains: readonly Chain[]): Promise<string[]> {
    const found: string[] = []
    for (const chain of chains) {
      const { name, entry } = chain
      const listed = await this.#list(name)
      if (listed === undefined) found.push(`chain ${name} is missing`)
      else if (!(await this.#isWritten(chain, listed))) found.push(`chain ${name} has other rules`)
      if (entry === undefined) continue
      const source = await this.#sourceOf(entry)
      if (!(await this.#isLed(source, entry, name))) found.push(`chain ${source} does not lead to ${name} once`)
    }
    return found
  }

  /** NOTE: iptables lists rules in its own words, so they are compared with how they were listed, or asked for one by one. */
  async #isWritten({ name, rules }: Chain, listed: string): Promise<boolean> {
    const written = this.#written.get(name)
    if (written !== undefined) return listed === written
    if (rulesOf(listed).length !== rules.length) return false
    for (const rule of rules) if (!(await this.#has(name, rule))) return false
    return true
  }

  /** All rules of our chains at once: there is no moment in which one is missing. */
  async #write(chains: readonly Chain[]): Promise<void> {
    const lines = chains.flatMap(({ name, rules }) => [
      `:${name} - [0:0]`,
      ...rules.map(rule => `-A ${name} ${rule.join(' ')}`)
    ])
    const input = ['*filter', ...lines.filter(isHead), ...lines.filter(line => !isHead(line)), 'COMMIT', ''].join('\n')
    await this.#call('iptables-restore', ['--noflush', ...WAIT], input)
  }

  /** Leads to the chain from the first place on, once, and not as an earlier configuration had it. */
  async #lead(entry: Entry, name: string): Promise<void> {
    const source = await this.#sourceOf(entry)
    if (!(await this.#isLed(source, entry, name))) {
      const old = await this.#jumps(source, name)
      await this.#iptables(['-I', source, '1', ...entry.match, '-j', name])
      for (const jump of old) await this.#iptables(['-D', source, ...jump])
    }
    for (const other of entry.from.filter(chain => chain !== source)) await this.#unlead(other, name)
  }

  async #isLed(source: string, { match }: Entry, name: string): Promise<boolean> {
    return (await this.#jumps(source, name)).length === 1 && (await this.#has(source, [...match, '-j', name]))
  }

  async #unlead(source: string, name: string): Promise<void> {
    for (const jump of await this.#jumps(source, name)) await this.#iptables(['-D', source, ...jump])
  }

  /** The chain of others that leads to it, unless somebody has wiped what leads there. */
  async #sourceOf({ from }: Entry): Promise<string> {
    const first = from.at(-1) ?? ''
    for (const source of from) if (source === first || (await this.#jumps(first, source)).length > 0) return source
    return first
  }

  /** The rules of a chain that lead to another one, as iptables lists them. */
  async #jumps(source: string, name: string): Promise<Rule[]> {
    const rules = rulesOf((await this.#list(source)) ?? '')
    return rules.filter(rule => rule.endsWith(` -j ${name}`)).map(rule => rule.split(' ').slice(2))
  }

  /** What a chain holds; undefined when there is no such chain. */
  async #list(chain: string): Promise<string | undefined> {
    try {
      return await this.#call('iptables', [...WAIT, '-S', chain])
    } catch (err) {
      if (/No chain|does a matching|does not exist|incompatible/i.test((err as Error).message)) return undefined
      throw err
    }
  }

  async #has(chain: string, rule: Rule): Promise<boolean> {
    try {
      await this.#iptables(['-C', chain, ...rule])
      return true
    } catch {
      return false // the caller writes it anew, which says what is wrong if something else is
    }
  }

  async #iptables(args: readonly string[]): Promise<void> {
    await this.#call('iptables', [...WAIT, ...args])
  }

  async #call(program: string, args: readonly string[], input?: string): Promise<string> {
    try {
      return await this.#run(program, args, input)
    } catch (err) {
      const { code, stderr = '' } = err as { code?: unknown; stderr?: string }
      const said = code === 'ENOENT' ? `${program} is not installed` : (stderr.trim().split('\n')[0] ?? '')
      throw new FirewallError(said === '' ? `${program} failed` : said, { cause: err })
    }
  }
}

function rulesOf(listed: string): string[] {
  return listed.split('\n').filter(line => line.startsWith('-A '))
}

function isHead(line: string): boolean {
  return line.startsWith(':')
}

function runProgram(program: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } }
    const child = execFile(program, [...args], options, (err, stdout, stderr) => {
      if (err === null) resolve(stdout)
      else reject(Object.assign(err, { stderr }))
    })
    // A program that is not there takes no input.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input ?? '')
  })
}
