import { request } from 'node:http'
import { formatHostPort } from '../../api/debug-ports.ts'
import type { DebugPort } from '../../api/function.ts'

/** What a Node inspector behind the port says of itself over HTTP. Rejects when there is none. */
export async function inspectorVersion(port: Place): Promise<Record<string, string>> {
  return JSON.parse(await get(port, '/json/version'))
}

/** Attaches as a debugger does, and gives the value of a JavaScript expression in that process. */
export async function evaluateIn(port: Place, expression: string): Promise<unknown> {
  const [target] = JSON.parse(await get(port, '/json/list')) as { id: string }[]
  const socket = new WebSocket(`ws://${formatHostPort(port)}/${target?.id}`)
  try {
    return await new Promise((resolve, reject) => {
      socket.onerror = () => reject(new Error('the debugger closed the connection'))
      socket.onopen = () =>
        socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, returnByValue: true } }))
      socket.onmessage = ({ data }) => {
        const { id, result } = JSON.parse(String(data))
        if (id === 1) resolve(result.result.value)
      }
    })
  } finally {
    socket.close()
  }
}

type Place = Pick<DebugPort, 'address' | 'hostPort'>

function get({ address: host, hostPort: port }: Place, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ host, port, path, agent: false, timeout: 5000 }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', chunk => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve(Buffer.concat(chunks).toString()))
    })
    asking.on('timeout', () => asking.destroy(new Error('the debugger did not answer')))
    asking.on('error', reject)
    asking.end()
  })
}
