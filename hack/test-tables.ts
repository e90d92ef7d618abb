import { basename } from 'node:path'
import { FAULTS } from './fault-rows.ts'
import { REQUIREMENTS } from './security-rows.ts'
import type { TestTable } from './test-table.ts'

/** Tests of requirements that stand beside others. */
const SECURITY_FILES: readonly string[] = ['test/e2e/container.test.ts', 'test/integration/engine-docker.test.ts']
/** The last of the ids that mean a fault of the database in one list and a requirement of security in the other. */
const LAST_SHARED_ID = 11

/**
 * Whether an id in a title of this file means a requirement of security. S1 to S11 are faults of the database as well: in files
 * beside the code of `api` and `src`, and in those with `security` in their names, they mean security.
 */
export function isAboutSecurity(id: string, file: string): boolean {
  if (!/^S\d+$/.test(id)) return false
  if (Number(id.slice(1)) > LAST_SHARED_ID) return true
  return /^(api|src)\//.test(file) || basename(file).includes('security') || SECURITY_FILES.includes(file)
}

/** Every table of tests. */
export const TEST_TABLES: readonly TestTable[] = [
  {
    name: 'faults',
    page: 'docs/testing.md',
    head: 'fault, and what must be seen',
    rows: FAULTS,
    owns: (id, file) => !isAboutSecurity(id, file)
  },
  {
    name: 'requirements',
    page: 'docs/security.md',
    head: 'requirement',
    rows: REQUIREMENTS,
    owns: isAboutSecurity
  }
]
