/**
 * As in the Node templates of OpenFaaS: what is returned is the answer.
 *
 * event    body (text, or what JSON and forms say), headers, method, query, path
 * context  status(code), headers({...}), succeed(value), fail(value)
 */
const { existsSync, readFileSync } = require('node:fs')

/** Deployed with a secret `api-key`, it answers only who sends that. */
const KEY_FILE = '/var/openfaas/secrets/api-key'
const key = existsSync(KEY_FILE) ? readFileSync(KEY_FILE, 'utf8').trim() : ''

module.exports = async (event, context) => {
  if (key !== '' && event.headers['x-api-key'] !== key) return context.status(401).fail('the header X-Api-Key is wrong')
  const said = typeof event.body === 'string' ? event.body.trim() : event.body.name
  return context.headers({ 'Cache-Control': 'no-store' }).succeed({
    greeting: `${process.env.GREETING || 'Hello'}, ${event.query.name || said || 'world'}!`,
    method: event.method,
    path: event.path
  })
}
