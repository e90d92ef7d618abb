// The page of /docs. It sends credentials itself, and never those that the browser keeps for this address: pages of functions
// have the same address, so the gateway refuses those. A user and a password are changed for a session, which ends with the page.

const form = document.getElementById('login')
const fault = document.getElementById('fault')
/** Of sessions that this page has opened, by what they were opened with. */
const sessions = new Map()

// Swagger UI is dark by this class.
const dark = matchMedia('(prefers-color-scheme: dark)')
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', paint)
paint()

const ask = (path, { headers = {}, ...options } = {}) => fetch(path, { ...options, headers, credentials: 'omit' })

/** The header for a user and a password: that of a session. Throws with the words of the gateway. */
async function openSession(username, password) {
  const answer = await ask('auth/login', { method: 'POST', body: JSON.stringify({ username, password }) })
  if (!answer.ok) throw new Error(await answer.text())
  return `Bearer ${(await answer.json()).token}`
}

/** What to send in place of a user and a password. */
function toSession(authorization) {
  const [username, ...password] = new TextDecoder()
    .decode(Uint8Array.from(atob(authorization.slice('Basic '.length)), text => text.charCodeAt(0)))
    .split(':')
  const known = sessions.get(authorization) ?? openSession(username, password.join(':'))
  sessions.set(authorization, known)
  known.catch(() => sessions.delete(authorization))
  return known
}

async function prepare(request) {
  request.credentials = 'omit'
  const { Authorization: authorization = '' } = request.headers
  if (authorization.startsWith('Basic ')) request.headers.Authorization = await toSession(authorization)
  return request
}

function show(spec, authorization) {
  form.hidden = true
  // The gateway may lie below a prefix of a proxy: what the page was found at says where.
  spec.servers = [{ url: new URL('.', location.href).pathname.replace(/(.)\/$/, '$1') }]
  const ui = SwaggerUIBundle({
    spec,
    domNode: document.getElementById('document'),
    presets: [SwaggerUIBundle.presets.apis],
    layout: 'BaseLayout',
    docExpansion: 'none',
    tagsSorter: 'alpha',
    validatorUrl: null,
    requestInterceptor: prepare,
    onComplete: () => {
      if (authorization.startsWith('Bearer ')) ui.preauthorizeApiKey('bearer', authorization.slice('Bearer '.length))
    }
  })
}

async function start(authorization) {
  const answer = await ask('openapi.json', { headers: authorization === '' ? {} : { Authorization: authorization } })
  if (answer.ok) show(await answer.json(), authorization)
  else if (authorization === '') form.hidden = false
  else throw new Error(await answer.text())
}

form.addEventListener('submit', async event => {
  event.preventDefault()
  fault.textContent = ''
  const user = form.elements.user.value
  const secret = form.elements.secret.value
  try {
    if (user !== '') sessions.set('', openSession(user, secret))
    await start(user === '' ? `Bearer ${secret}` : await sessions.get(''))
  } catch (err) {
    sessions.delete('')
    fault.textContent = err.message
  }
})

addEventListener('pagehide', () => {
  for (const session of sessions.values()) {
    session.then(Authorization => ask('auth/logout', { method: 'POST', headers: { Authorization }, keepalive: true }))
  }
  sessions.clear()
})

start('').catch(err => {
  fault.textContent = err.message
})
