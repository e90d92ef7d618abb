import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { containerBond } from '../../api/signature.ts'
import { SIGNER } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'

describe('a release that limits what had no limit', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  /** The replica as the release before made it. */
  async function leaveUnlimited(): Promise<string> {
    await loop.put()
    await loop.settle()
    const [made] = await loop.engine.listContainers({ [LABEL.ordinal]: '0' })
    if (made === undefined) throw new Error('there is no replica')
    const spec = loop.engine.specOf(made.id)
    const { [LABEL.limits]: limits, [LABEL.signature]: _, ...labels } = spec.labels
    expect(limits, 'what a new one says').to.equal(`${spec.memoryBytes} ${spec.nanoCpus}`)
    await loop.engine.removeContainer(made.id)
    const signed = SIGNER.sign(labels, containerBond(made))
    const id = await loop.engine.createContainer({ ...spec, labels: signed, memoryBytes: 0, nanoCpus: 0 })
    await loop.engine.startContainer(id)
    return id
  }

  it('S6: leaves its replicas as they are, and gives their successors the limits', async () => {
    const old = await leaveUnlimited()
    loop.restart()
    await loop.settle()
    expect(loop.engine.containers().map(({ id }) => id)).to.deep.equal([old])
    loop.engine.exit('hello-0', 1)
    await loop.settle()
    const [successor] = loop.engine.containers()
    expect(successor?.id).not.to.equal(old)
    expect(successor).to.include({ nanoCpus: 1.8e9, memoryBytes: 3686 * 2 ** 20 })
  })
})
