import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { DataPlane, eventually } from '../../test/helpers/data-plane.ts'
import { closeAtEnd, OPENED, opening, RawSide } from '../../test/helpers/websocket.ts'

const TOKEN = 'X-Test-Token'

describe('a call whose token is revoked, or expires', () => {
  let plane: DataPlane
  beforeEach(async () => {
    plane = await new DataPlane().start()
  })
  afterEach(() => plane.stop())

  /** A call that reads as it comes. */
  async function reader(token: string): Promise<{ text: string; isCut: boolean; isOver: boolean }> {
    const req = http.get({ port: plane.port, host: '127.0.0.1', agent: false, headers: { [TOKEN]: token } })
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    const state = { text: '', isCut: false, isOver: false }
    res.on('data', chunk => {
      state.text += chunk
    })
    res.on('error', () => {
      state.isCut = true
    })
    res.on('end', () => {
      state.isOver = true
    })
    return state
  }

  it('S21: is cut off while its answer goes on, and no call of another token', async () => {
    const streams: http.ServerResponse[] = []
    plane.route(
      await plane.replica((_req, res) => {
        streams.push(res)
        res.write('begun')
      })
    )
    const [first, second] = [await reader('a'), await reader('b')]
    await eventually(() => first.text === 'begun' && second.text === 'begun')
    plane.proxy.endToken('a')
    await eventually(() => first.isCut && streams.some(({ destroyed }) => destroyed))
    expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 401 }])
    for (const stream of streams) stream.end('over')
    await eventually(() => second.isOver)
    expect(second.text).to.equal('begunover')
  })

  it('gets the answer that its function has not begun yet, as it may be half done, and no stream that goes on', async () => {
    const calls: http.ServerResponse[] = []
    plane.route(await plane.replica((_req, res) => void calls.push(res)))
    const [short, long] = [reader('a'), reader('a')]
    await eventually(() => calls.length === 2)
    plane.proxy.endToken('a')
    calls[0]?.end('done')
    calls[1]?.write('begun')
    const states = await Promise.all([short, long])
    await eventually(() => states.some(({ isOver }) => isOver) && states.some(({ isCut }) => isCut))
    expect(states.map(({ text }) => text)).to.have.members(['done', 'begun'])
  })

  it('S21: is refused while it waits for a replica', async () => {
    plane.route()
    const waits = plane.call({ headers: { [TOKEN]: 'a' } })
    await eventually(() => plane.held === 1)
    plane.proxy.endToken('a')
    const { status, headers } = await waits
    expect([status, headers['x-docker-faas-reason']]).to.deep.equal([401, 'TokenEnded'])
    expect(plane.held).to.equal(0)
  })

  it('S21: gets no WebSocket that its function opens later', async () => {
    let asked: RawSide | undefined
    plane.route(
      await plane.rawReplica(socket => {
        asked = new RawSide(socket)
      })
    )
    const client = await RawSide.connect(plane.port)
    client.socket.write(opening('/', [`${TOKEN}: a`]))
    await eventually(() => asked?.text.includes('\r\n\r\n') === true)
    plane.proxy.endToken('a')
    asked?.socket.write(OPENED)
    await client.isEnded()
    expect(closeAtEnd(client.bytes)).to.deep.include({ code: 1008 })
  })
})
