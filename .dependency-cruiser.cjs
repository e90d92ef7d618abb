/** Imports run one way: api ← src/{runtime,engine,store,gateway} ← controllers ← src/http ← src/main.ts and src/cli. */
const PLANES = 'runtime|engine|store|gateway'
const only = (name, packages, from) => ({
  name,
  comment: `one adapter per foreign library: its types and errors stop there`,
  severity: 'error',
  from: { pathNot: [from, '\\.test\\.ts$', '^test/', '^hack/'] },
  to: { path: `node_modules/(${packages})/` }
})

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'api-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^api/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(src|controllers|migrations|hack|test)/' }
    },
    {
      name: 'planes-do-not-look-up',
      severity: 'error',
      from: { path: `^src/(${PLANES})/` },
      to: { path: '^(controllers|src/http|src/cli|src/main\\.ts)' }
    },
    {
      name: 'planes-do-not-know-each-other',
      comment: 'runtime knows neither functions nor Docker; engine, store and gateway meet in the controllers only',
      severity: 'error',
      from: { path: `^src/(${PLANES})/`, pathNot: '\\.test\\.ts$' },
      to: { path: `^src/(${PLANES})/`, pathNot: '^src/$1/' }
    },
    {
      name: 'async-does-not-look-up',
      severity: 'error',
      from: { path: '^src/async/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(controllers|src/(http|engine|cli|assembly|main\\.ts))' }
    },
    {
      name: 'logs-do-not-look-up',
      severity: 'error',
      from: { path: '^src/logs/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(controllers|src/(http|cli|assembly|main\\.ts))' }
    },
    {
      name: 'workers-do-not-look-up',
      severity: 'error',
      from: { path: '^src/workers/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(controllers|src/(store|cli|assembly|main\\.ts))' }
    },
    {
      name: 'controllers-do-not-look-up',
      severity: 'error',
      from: { path: '^controllers/' },
      to: { path: '^src/(http|cli|main\\.ts)' }
    },
    {
      name: 'http-does-not-look-up',
      severity: 'error',
      from: { path: '^src/http/' },
      to: { path: '^src/(cli|main\\.ts)' }
    },
    {
      name: 'handlers-do-not-talk-to-docker',
      severity: 'error',
      from: { path: '^src/http/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/engine/docker' }
    },
    {
      name: 'decisions-are-pure',
      comment: 'plan, rollout, status and decide take values and return values',
      severity: 'error',
      from: {
        path: '^controllers/.*/(plan|plan-(due|frozen|network|replica|secrets)|rollout|status|conditions|trouble|replica-summary|decide|replica-phase)\\.ts$'
      },
      to: {
        path: '^(node:|src/(store|gateway|runtime|logging|metrics|clock)|src/engine/(?!engine\\.ts|faults\\.ts|subnets\\.ts))'
      }
    },
    only('dockerode-in-engine', 'dockerode|docker-modem', '^src/engine/'),
    only('mikro-orm-in-store', '@mikro-orm', '^(src/store|migrations)/'),
    only('koa-in-http', 'koa|@koa', '^src/http/'),
    only('undici-in-gateway', 'undici', '^src/gateway/'),
    only('croner-in-cron', 'croner', '^api/cron\\.ts$'),
    only('commander-in-cli', 'commander', '^src/(cli|main\\.ts)'),
    only('yaml-in-cli', 'yaml|string-width', '^src/cli'),
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { pathNot: '(\\.test\\.ts$|^test/)' },
      to: { path: '(\\.test\\.ts$|^test/)' }
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^(api|controllers|src|migrations)/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] }
  }
}
