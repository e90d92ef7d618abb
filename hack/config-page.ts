import { configNames, metaOf, NO_EFFECT_YET } from '../src/config/config.ts'

const INTRO = `<!-- Written by hack/config-docs.ts out of the variables in src/config/; change them there. -->
# Configuration

Docker FaaS is configured by environment variables and nothing else. It reads them once, at its start. An empty variable
is one that is not set. When something is wrong, it names every variable that is, what is allowed and an example, and
ends with exit code 78. So it does for a variable whose name starts with \`DOCKER_FAAS_\`, unless it is one of
[the command line](cli.md), and for one that is a letter or two away from one below: it would have no effect, and nobody would notice.

* **duration**: as Go writes them: \`250ms\`, \`60s\`, \`1m30s\`, \`1h\`; a bare number is seconds.
* **bytes**: \`64Mi\`, \`1Gi\`, \`256m\` (Docker's mebibytes), \`1048576\`.
* **true or false**: also \`1\`, \`0\`, \`t\`, \`f\`, in upper or lower case.

The administrator's password is not among them. It is generated at the first start and kept in a file that only its owner
can read, unless \`AUTH_PASSWORD_FILE\` names a file that holds it, or \`AUTH_PASSWORD\` does itself.
`

const NO_EFFECT = `
Accepted and checked, without any effect yet: ${NO_EFFECT_YET.map(name => `\`${name}\``).join(', ')}. The program warns
when one of them is set.
`

/** The page docs/configuration.md, out of the schema. */
export function renderConfigDocs(): string {
  const rows = configNames().map(name => {
    const { fallback, unit, about, allowed, noEffectYet } = metaOf(name)
    const described = `${about}.${allowed.startsWith(unit) ? '' : ` Must be ${allowed}.`}${noEffectYet ? ' **No effect yet.**' : ''}`
    return `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${unit} | ${described.replaceAll('|', '\\|')} |`
  })
  return [INTRO, '| variable | default | unit | meaning |', '|---|---|---|---|', ...rows, NO_EFFECT].join('\n')
}
