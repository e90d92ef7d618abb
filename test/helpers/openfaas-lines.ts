/**
 * What OpenFaaS clients count on, line by line, and the tests that show it: a file, and what the title of a test in it begins
 * with or holds. test/integration/openfaas-lines.test.ts looks whether they are there.
 */
export interface ContractLine {
  readonly says: string
  readonly shownBy: readonly (readonly [file: string, title: string])[]
}

const CONTRACT = 'test/integration/openfaas-contract.test.ts'
const PROCESS = 'test/integration/openfaas-process.test.ts'
const ALERT = 'test/integration/openfaas-alert.test.ts'
const LOGS = 'test/integration/api-logs.test.ts'
const NAMESPACES = 'test/integration/api-namespaces.test.ts'
const PROBES = 'test/integration/probes.test.ts'
const FUNCTIONS = 'test/integration/functions.test.ts'
const ASYNC = 'test/integration/async-http.test.ts'
const CALLBACKS = 'test/integration/async-callbacks-security.test.ts'
const RELAY = 'src/gateway/proxy-relay.test.ts'

const line = (says: string, ...shownBy: [string, string][]): ContractLine => ({ says, shownBy })

export const CONTRACT_LINES: readonly ContractLine[] = [
  line('faas-cli login: 200, 401 for a wrong password', [CONTRACT, 'cli.login']),
  line('faas-cli logout: an empty Bearer is 401', [CONTRACT, 'cli.logout']),
  line('faas-cli version: GET /system/info', [CONTRACT, 'cli.version']),
  line('faas-cli ready: GET /healthz without credentials', [CONTRACT, 'cli.ready:']),
  line('faas-cli ready FN: availableReplicas', [CONTRACT, 'cli.ready-fn'], [PROCESS, 'cli.up']),
  line(
    'faas-cli deploy: PUT, on 404 POST; labels {} or null',
    [CONTRACT, 'cli.deploy:'],
    [CONTRACT, 'cli.deploy-null'],
    [CONTRACT, 'cli.deploy-old'],
    [PROCESS, 'cli.up']
  ),
  line(
    'faas-cli deploy --replace',
    [CONTRACT, 'cli.deploy-replace'],
    [FUNCTIONS, 'takes a new function of the same name']
  ),
  line('faas-cli list', [CONTRACT, 'cli.list']),
  line('faas-cli describe: usage, invocationCount', [PROCESS, 'cli.describe'], [PROCESS, 'api.invocation-count']),
  line('faas-cli diff: all is given back as deployed', [CONTRACT, 'cli.diff']),
  line('faas-cli remove, also of older clients', [CONTRACT, 'cli.remove:'], [CONTRACT, 'cli.remove-old']),
  line('faas-cli invoke', [CONTRACT, 'cli.invoke: 401'], [CONTRACT, 'cli.invoke: reaches'], [PROCESS, 'cli.invoke:']),
  line('faas-cli invoke --async', [PROCESS, 'cli.invoke-async'], [ASYNC, 'accepts with 202']),
  line('faas-cli logs', [LOGS, '']),
  line('faas-cli secret', [CONTRACT, 'cli.secret:'], [CONTRACT, 'cli.secret-file']),
  line('faas-cli namespace', [NAMESPACES, '']),
  line('API: functions 202, 400 of every kind', [CONTRACT, 'api.deploy-400'], [CONTRACT, 'api.deploy-secret']),
  line('API: unknown namespace 400', [NAMESPACES, '']),
  line('API: POST of what is there', [CONTRACT, 'api.deploy-existing']),
  line('API: PUT 202, 400, 404', [CONTRACT, 'api.update']),
  line('API: DELETE 202, 400, 404', [CONTRACT, 'api.delete']),
  line(
    'API: GET of one 200, 404; usage',
    [CONTRACT, 'api.get'],
    ['test/integration/api-system.test.ts', 'gives usage when']
  ),
  line('API: scale 202, 400, 404, 0; the namespace in query or body', [CONTRACT, 'api.scale']),
  line('API: secrets 200, 201, 400, 404, 409', [
    'test/integration/secrets-api-security.test.ts',
    'creates, lists, updates'
  ]),
  line(
    'API: /system/alert',
    [ALERT, 'adds factor percent'],
    ['controllers/autoscaler/alert.test.ts', 'keep what an alert']
  ),
  line(
    'API: function 404, 503, 502',
    [PROCESS, 'api.function'],
    ['src/gateway/proxy-routing.test.ts', 'answers 404 and names'],
    ['src/gateway/proxy-routing.test.ts', 'answers 503 with Retry-After'],
    ['src/gateway/proxy-failures.test.ts', '502']
  ),
  line(
    'API: async 202 with ids, bad callback 400, others 405, cancelled 202',
    [ASYNC, 'refuses what cannot be carried out'],
    [ASYNC, 'cancels by call id']
  ),
  line('API: / leads to a page', [CONTRACT, 'api.root']),
  line('API: no telemetry', [CONTRACT, 'api.telemetry']),
  line('401 with WWW-Authenticate on all of /system', [CONTRACT, 'api.401']),
  line(
    'Request headers: X-Call-Id, X-Start-Time, X-Forwarded-*',
    [PROCESS, 'headers.request'],
    [RELAY, 'sets X-Forwarded-For'],
    [RELAY, 'removes X-OpenFaaS-Internal']
  ),
  line(
    'Response headers: X-Call-Id, X-Start-Time, X-Served-By',
    [PROCESS, 'headers.response'],
    [RELAY, 'keeps a sane call id']
  ),
  line('Authorization reaches the function', [PROCESS, 'headers.authorization']),
  line('Redirects are not followed', [RELAY, 'does not follow redirects']),
  line(
    'Hop-by-hop headers are dropped',
    [RELAY, 'drops what belongs to the connection'],
    [RELAY, 'drops hop-by-hop headers']
  ),
  line(
    'Streams and WebSockets',
    [RELAY, 'passes the head on before there is a body'],
    ['test/integration/sessions.test.ts', 'X5, X10'],
    ['src/gateway/proxy-upgrade.test.ts', 'X16: passes the request']
  ),
  line(
    'Callback with the headers of the function and ours, X-Retry and X-Retry-Max among them; 503',
    [CALLBACKS, 'tells the function’s answer'],
    [CALLBACKS, '503']
  ),
  line('Scale from zero', [PROCESS, 'scale.from-zero'], ['test/integration/waking.test.ts', 'X11']),
  line('Metrics and their labels', [PROCESS, 'metrics.names'], ['src/metrics/metrics.test.ts', 'has every name that']),
  line(
    'Labels of scaling, their defaults and the formula',
    ['api/scaling.test.ts', 'takes what OpenFaaS takes'],
    ['src/assembly/autoscaler-component.test.ts', 'follows the rule of OpenFaaS CE'],
    ['src/assembly/autoscaler-component.test.ts', 'follows the calls a second'],
    ['src/assembly/autoscaler-component.test.ts', 'follows the asynchronous calls that wait']
  ),
  line(
    'topic and schedule',
    ['api/schedule.test.ts', 'are those of OpenFaaS'],
    ['test/integration/schedules.test.ts', 'call them']
  ),
  line('com.openfaas.health and ready', [PROBES, 'makes a replica ready'], [PROBES, 'replaces a replica']),
  line(
    'com.openfaas.retry',
    ['src/gateway/retry-policy.test.ts', 'has the defaults of OpenFaaS'],
    ['test/integration/async-calls.test.ts', 'tries again what asks for it']
  ),
  line('OPENFAAS_NAME', ['controllers/function/container-spec.test.ts', 'says everything that a plain function']),
  line('write_timeout is the termination grace', ['controllers/function/desired.test.ts', 'write_timeout says']),
  line('max_inflight: 429', ['test/integration/samples.test.ts', '429 beyond max_inflight']),
  line(
    'Timeouts',
    ['src/gateway/proxy-limits.test.ts', 'total answers 504'],
    ['src/gateway/proxy-failures.test.ts', 'X7']
  ),
  line('Ours: the gateway’s own credentials never reach a function', [
    'test/integration/api-server.test.ts',
    'S34: never carry'
  ]),
  line('Ours: calls need credentials unless told otherwise', [
    'test/integration/api-server.test.ts',
    'need credentials, and say'
  ]),
  line(
    'Trap 1: memory below 6 MB',
    ['controllers/function/container-spec.test.ts', 'at least the memory'],
    [CONTRACT, 'cli.diff']
  ),
  line(
    'Trap 2: read your writes',
    ['test/integration/api-system.test.ts', 'shows the function straight after'],
    [PROCESS, 'cli.up']
  ),
  line(
    'Trap 3: available is answering',
    [PROCESS, 'cli.up'],
    ['controllers/function/prober.test.ts', 'ready whose first answer']
  ),
  line(
    'Trap 4: an update fails no call, and the old replica is out soon',
    [FUNCTIONS, 'updates without a failed call'],
    ['test/integration/data-plane.test.ts', 'I9']
  ),
  line(
    'Trap 5: delete answers at once; its secret and its name are free',
    [FUNCTIONS, 'takes a new function of the same name'],
    ['test/integration/secrets-api-security.test.ts', 'deletes what functions use']
  ),
  line('Trap 6: the namespace in query or body; null labels', [CONTRACT, 'trap.6'], [CONTRACT, 'cli.deploy-null']),
  line(
    'Trap 7: nothing of the image in envVars',
    [PROCESS, 'cli.describe'],
    ['test/integration/api-system.test.ts', 'leaves out what']
  ),
  line('Trap 8: not faasd; label faas_function', [CONTRACT, 'cli.version'], [CONTRACT, 'cli.diff']),
  line(
    'The older program: containers, config, metrics, tokens, debug ports',
    ['test/integration/legacy.test.ts', ''],
    [FUNCTIONS, 'publishes debug ports on 127.0.0.1'],
    ['test/integration/api-system.test.ts', 'shows its configuration and metrics']
  )
]
