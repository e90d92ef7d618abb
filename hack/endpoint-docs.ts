import { readFileSync, writeFileSync } from 'node:fs'
import { ENDPOINTS, type Endpoint } from '../src/engine/docker-endpoints.ts'

/** Writes docs/docker-endpoints.md out of the table of calls; with `--check` only says, by exit code 1, that it is stale. */
const page = new URL('../docs/docker-endpoints.md', import.meta.url)

const INTRO = `<!-- Written by hack/endpoint-docs.ts out of src/engine/docker-endpoints.ts; change it there. -->
# What is asked of Docker

Every call of the Docker API that the gateway makes. Its client refuses to send any other, and the tests of CI run it
behind its own socket proxy, which lets nothing else through: [container.md](container.md#the-socket-proxy). For a socket
proxy of another make, allow these. Paths may have the version before them that they are asked in, as in \`/v1.44/info\`; the
gateway asks without one.

* **ours**: \`docker-faas socket-proxy\` lets it through only when what it names carries our labels (\`INSTANCE_ID\`), or those of
  the older program. A container may be taken off a network when either is ours.
* **checked**: it lets through only bodies that ask for what a function needs: a container without mounts of the host, devices,
  capabilities, privileges or namespaces of others, on a network of ours; a bridge network without options. The fields are
  those of \`src/engine/docker-bodies.ts\`.
`

function row({ method, path, query, body, ours, use }: Endpoint): string {
  const marks = [...(ours === true ? ['ours'] : []), ...(body === undefined || body === 'archive' ? [] : ['checked'])]
  return `| \`${method}\` | \`${path}\` | ${query.map(name => `\`${name}\``).join(', ')} | ${marks.join(', ')} | ${use} |`
}

const head = ['| method | path | query | let through when | what for |', '|---|---|---|---|---|']
const wanted = `${INTRO}\n${[...head, ...ENDPOINTS.map(row)].join('\n')}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(page, wanted)
} else if (readFileSync(page, 'utf8') !== wanted) {
  console.error('docs/docker-endpoints.md is stale: run node hack/endpoint-docs.ts')
  process.exitCode = 1
}
