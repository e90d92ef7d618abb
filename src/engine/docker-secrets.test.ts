import { expect } from 'chai'
import { extract } from 'tar-stream'
import { isWhole, secretsVolumeOf, toSecretsArchive, toSecretsMount } from './docker-secrets.ts'

async function entriesOf(archive: Buffer) {
  const entries: { name: string; type: string | null | undefined; mode: number | undefined; text: string }[] = []
  const unpacked = extract()
  unpacked.end(archive)
  for await (const entry of unpacked) {
    const { name, type, mode } = entry.header
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    entries.push({ name, type, mode, text: Buffer.concat(chunks).toString() })
  }
  return entries
}

const answer = (stat: object) => ({
  headers: { 'x-docker-container-path-stat': Buffer.from(JSON.stringify(stat)).toString('base64') }
})

describe('the volume with secrets', () => {
  it('S26: is mounted where OpenFaaS has it, read-only, without what the image has there', () => {
    const mount = { volume: 'hello-secrets-1', labels: { a: 'b' } }
    const expected = { Type: 'volume', Source: 'hello-secrets-1', Target: '/var/openfaas/secrets' }
    const options = { NoCopy: true, Labels: { a: 'b' } }
    expect(toSecretsMount({ ...mount, access: 'read' })).to.deep.equal({
      ...{ ...expected, ReadOnly: true, VolumeOptions: options }
    })
    expect(toSecretsMount({ ...mount, access: 'write' }).ReadOnly).to.equal(false)
  })

  it('S26: is none that an image has there', () => {
    const at = (Name: string, Destination = '/var/openfaas/secrets') => [{ Type: 'volume', Name, Destination }]
    expect(secretsVolumeOf(at('hello.team-a-secrets-0123abcd'))).to.equal('hello.team-a-secrets-0123abcd')
    expect(secretsVolumeOf(at('f'.repeat(64)))).to.equal(undefined)
    expect(secretsVolumeOf(at('hello-secrets-0123abcd', '/var/openfaas'))).to.equal(undefined)
    expect(secretsVolumeOf(undefined)).to.equal(undefined)
  })

  it('gets a file for each, for every user to read, and the mode of the directory last', async () => {
    const long = 'n'.repeat(253)
    const files = [
      { name: 'a', value: Buffer.from('one') },
      { name: long, value: Buffer.from('two') }
    ]
    expect(await entriesOf(await toSecretsArchive(files))).to.deep.equal([
      { name: 'secrets/a', type: 'file', mode: 0o444, text: 'one' },
      { name: `secrets/${long}`, type: 'file', mode: 0o444, text: 'two' },
      { name: 'secrets', type: 'directory', mode: 0o555, text: '' }
    ])
  })

  it('is whole by the mode of its directory, and by nothing else', () => {
    expect(isWhole(answer({ name: 'secrets', mode: 2 ** 31 + 0o555 }))).to.equal(true)
    expect(isWhole(answer({ name: 'secrets', mode: 2 ** 31 + 0o755 }))).to.equal(false)
    expect(isWhole(answer({ name: 'secrets', mode: 0o555 })), 'a file').to.equal(false)
    expect(isWhole({ headers: {} })).to.equal(false)
  })
})
