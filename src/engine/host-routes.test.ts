import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { readHostRoutes } from './host-routes.ts'

const cidrsOf = async (table: string) => (await readHostRoutes(async () => table)).map(({ cidr }) => cidr)

const HEAD =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       \n'
const line = (iface: string, destination: string, mask: string) =>
  `${iface}\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0                                                                               \n`

describe('readHostRoutes', () => {
  it('N4: gives the networks of all routes, of a VPN too, and not the default route', async () => {
    const table =
      HEAD +
      line('eth0', '00000000', '00000000') +
      line('docker0', '000011AC', '0000FFFF') +
      line('eth0', '000200C0', '00FFFFFF') +
      line('tun0', '00003E0A', 'F0FFFFFF') +
      line('tun0', '0100A8C0', 'FFFFFFFF')
    expect(await cidrsOf(table)).to.deep.equal(['172.17.0.0/16', '192.0.2.0/24', '10.62.0.0/28', '192.168.0.1/32'])
  })

  it('takes the halves that VPN clients add for a default route', async () => {
    const table =
      HEAD +
      line('tun0', '00000000', '00000080') +
      line('tun0', '00000080', '00000080') +
      line('tun0', '0000000A', '000000FF')
    expect(await cidrsOf(table)).to.deep.equal(['10.0.0.0/8'])
  })

  it('N4: says by which interface, and knows a route that drops what it gets', async () => {
    const table = HEAD + line('br-0123456789ab', '00003E0A', 'F0FFFFFF') + line('*', '00003E0A', 'F8FFFFFF')
    expect(await readHostRoutes(async () => table)).to.deep.equal([
      { cidr: '10.62.0.0/28', interface: 'br-0123456789ab' },
      { cidr: '10.62.0.0/29', interface: '*' }
    ])
  })

  it('gives none where there is no such file, an empty one, or one of another form', async () => {
    expect(await readHostRoutes(() => Promise.reject(new Error('ENOENT')))).to.deep.equal([])
    for (const table of ['', HEAD, `${HEAD}rubbish\n\n`, `${HEAD}eth0\tZZ\t0\t0\t0\t0\t0\tFF\n`]) {
      expect(await cidrsOf(table)).to.deep.equal([])
    }
  })

  it('reads the table of this machine', async () => {
    for (const { cidr } of await readHostRoutes(path => readFile(path, 'utf8'))) {
      expect(cidr).to.match(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/)
    }
  })
})
