import { expect } from 'chai'
import { GroupCommit } from './group-commit.ts'
import type { Database, NativeClient } from './orm.ts'

/** A database that only counts its transactions; the first so many fail. */
function aDatabase(failures = 0) {
  const native = {} as NativeClient
  const state = { transactions: 0, flushes: 0, isWriting: false, flushFault: undefined as Error | undefined }
  const write = async (work: () => Promise<unknown>) => {
    expect(state.isWriting, 'one at a time').to.equal(false)
    state.isWriting = true
    await new Promise(resolve => setImmediate(resolve))
    state.transactions++
    const result = await work()
    state.isWriting = false
    if (state.transactions <= failures) throw new Error('the disk is full')
    return result
  }
  const flush = async () => {
    state.flushes++
    if (state.flushFault !== undefined) throw state.flushFault
  }
  return { state, commits: new GroupCommit({ native, write, flush } as unknown as Database) }
}

const inOrder = (count: number, commits: GroupCommit, bytes?: number) => {
  const seen: number[] = []
  const all = Array.from({ length: count }, (_, n) => commits.run(() => seen.push(n) - 1, bytes))
  return { seen, all }
}

describe('group commit', () => {
  it('writes what comes together in one transaction, in order, and gives each its own result', async () => {
    const { commits, state } = aDatabase()
    const { all, seen } = inOrder(50, commits)
    expect(await Promise.all(all)).to.deep.equal(seen)
    expect(state.transactions).to.equal(1)
  })

  it('parts what is too much for one, by number and by bytes', async () => {
    const many = aDatabase()
    await Promise.all(inOrder(600, many.commits).all)
    expect(many.state.transactions).to.equal(3)
    const large = aDatabase()
    await Promise.all(inOrder(8, large.commits, 2 * 2 ** 20).all)
    expect(large.state.transactions).to.equal(4)
  })

  it('fails those of a transaction that failed, and none of the next', async () => {
    const { commits } = aDatabase(1)
    const lost = await Promise.allSettled(inOrder(3, commits).all)
    expect(lost.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected'])
    expect(await Promise.all(inOrder(2, commits).all)).to.deep.equal([0, 1])
  })

  it('tells of nothing that was promised before it is flushed, and of nothing when that fails', async () => {
    const { commits, state } = aDatabase()
    await Promise.all(inOrder(5, commits).all)
    expect(state).to.include({ transactions: 1, flushes: 1 })
    state.flushFault = new Error('the disk is gone')
    const [promised, noted] = await Promise.allSettled([commits.run(() => 1), commits.runUnflushed(() => 2)])
    expect(promised).to.deep.equal({ status: 'rejected', reason: state.flushFault })
    expect(noted).to.deep.equal({ status: 'fulfilled', value: 2 })
  })

  it('takes those that come while it writes', async () => {
    const { commits, state } = aDatabase()
    const first = commits.run(() => 'first')
    const second = first.then(() => commits.run(() => 'second'))
    expect(await Promise.all([first, second])).to.deep.equal(['first', 'second'])
    expect(state.transactions).to.equal(2)
  })
})
