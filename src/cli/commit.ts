import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const COMMIT = /^[0-9a-f]{40}$/

/** The commit that the compiled program in the folder was built from, as hack/build.ts wrote it down; empty when it did not. */
export function builtCommit(dist: string): string {
  return commitIn(read(join(dist, 'commit')))
}

/** The commit that a clone is at, without asking git, which need not be there; empty where the folder is no clone. */
export function cloneCommit(root: string): string {
  const git = (name: string) => read(join(root, '.git', name))
  const head = git('HEAD')
  const [, ref] = /^ref: (refs\/[^\s]+)/.exec(head) ?? []
  if (ref === undefined) return commitIn(head)
  const packed = git('packed-refs')
    .split('\n')
    .find(line => line.endsWith(` ${ref}`))
  return commitIn(git(ref)) || commitIn(packed?.split(' ')[0] ?? '')
}

function commitIn(text: string): string {
  const line = text.trim()
  return COMMIT.test(line) ? line : ''
}

/** Empty when it cannot be read: a program that does not know its commit works as well. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
