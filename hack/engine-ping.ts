/** Exits 0 when an engine that we can use answers at the address given, 77 when we may not talk to it, else 1. */
import { callAgent, connectDocker } from '../src/engine/docker-client.ts'

const NOT_PERMITTED = 77
const PATIENCE_MS = 5000

const [host = 'unix:///var/run/docker.sock'] = process.argv.slice(2)
const agent = callAgent()
try {
  await connectDocker(host, agent).version({ abortSignal: AbortSignal.timeout(PATIENCE_MS) })
} catch (err) {
  process.exitCode = (err as { code?: string }).code === 'EACCES' ? NOT_PERMITTED : 1
} finally {
  agent.destroy()
}
