import type { TestRow } from './test-table.ts'

const BUILDS = 'comes with building images'
const UI = 'comes with the user interface'

/** What is required of a safe gateway. The id is in the title of each test that shows it. */
export const REQUIREMENTS: readonly TestRow[] = [
  { id: 'S1', text: 'functions run without any capability' },
  { id: 'S2', text: 'a function cannot gain privileges, by a setuid program either' },
  { id: 'S3', text: 'where the policy of the namespace says so, functions do not run as root' },
  { id: 'S4', text: 'the system calls of functions are filtered; AppArmor where the host has it' },
  { id: 'S5', text: 'the root file system is read-only where that is asked for; /tmp has a size' },
  { id: 'S6', text: 'memory, CPU, processes and open files of a function are bounded' },
  {
    id: 'S7',
    text: 'nothing in a deployment can ask for privileges, devices, host namespaces or mounts'
  },
  { id: 'S8', text: 'a function reaches no other function, nor the API, the engine or the database' },
  { id: 'S9', text: 'what a function may reach outside is a policy; metadata addresses are blocked' },
  { id: 'S10', text: 'debug ports listen on 127.0.0.1 unless told otherwise, which is warned of' },
  { id: 'S11', text: 'images come from registries that are allowed, by digest where that is required' },
  {
    id: 'S12',
    text: 'in a container the gateway has no socket of the engine; a proxy that has it narrows what it is good for'
  },
  { id: 'S13', text: 'works behind a socket proxy that lets only the documented endpoints through' },
  { id: 'S14', text: 'functions may have another runtime (gVisor, Kata); one that is missing is told' },
  {
    id: 'S15',
    text: 'a rootless engine, and one with user namespaces, is known and told of'
  },
  { id: 'S16', text: 'there is no default password: the first start makes one' },
  { id: 'S17', text: 'passwords and tokens are stored hashed; a token is shown once' },
  { id: 'S18', text: 'credentials are compared in constant time, for unknown users too' },
  { id: 'S19', text: 'guessing passwords is slowed down, and the good client is not locked out' },
  { id: 'S20', text: 'addresses in headers are believed of proxies that are named, of nobody else' },
  {
    id: 'S21',
    text: 'tokens have scopes, namespaces and an end; revoked ones are refused within a second'
  },
  { id: 'S22', text: 'every route looks at whose object it is; what one may not see does not exist' },
  { id: 'S23', text: 'unknown fields, and keys that reach for a prototype, are refused' },
  { id: 'S24', text: 'secrets are encrypted in the database, each bound to its name' },
  { id: 'S25', text: 'the key of the secrets is changed while the gateway runs' },
  { id: 'S26', text: 'a secret reaches functions as a file and shows nowhere else' },
  { id: 'S27', text: 'no answer of the API holds the value of a secret' },
  { id: 'S28', text: 'logs and errors are free of credentials' },
  {
    id: 'S29',
    text: 'sources of builds are fetched from where it is allowed, by a client that runs nothing',
    untested: BUILDS
  },
  { id: 'S30', text: 'archives cannot write outside of their folder, nor grow without bounds', untested: BUILDS },
  { id: 'S31', text: 'builds are bounded, and reach neither the gateway nor the engine', untested: BUILDS },
  { id: 'S32', text: 'callbacks cannot reach private addresses' },
  { id: 'S33', text: 'of a request that two parsers may read in two ways, no function sees two' },
  {
    id: 'S34',
    text: "headers of one connection end at the gateway; the gateway's own cannot be forged or removed"
  },
  {
    id: 'S35',
    text: 'pages carry a strict content security policy; foreign pages cannot act for the user',
    untested: UI
  },
  {
    id: 'S36',
    text: 'the page of a function cannot use the API with what the browser keeps of the user'
  },
  { id: 'S37', text: 'text of others cannot drive a terminal or a page' },
  { id: 'S38', text: 'pages of other origins cannot read the API unless they are named' },
  { id: 'S39', text: 'every change is one row of an audit log that shows when it was tampered with' },
  { id: 'S40', text: 'sizes, counts and rates have limits' },
  { id: 'S41', text: 'no answer tells of the inside of the program' },
  { id: 'S42', text: 'TLS of its own, from 1.2; a new certificate needs no restart' },
  { id: 'S43', text: 'without credentials nothing is told but whether all is well' },
  {
    id: 'S44',
    text: 'packages are locked, run no scripts but those named, have licences that are allowed; an SBOM'
  },
  {
    id: 'S45',
    text: 'its own image has no root, no shell where that can be, and a read-only file system'
  },
  { id: 'S46', text: 'what parses the input of strangers neither crashes nor hangs on any of it' },
  { id: 'S47', text: 'an upgrade keeps secrets readable; going back is refused' },
  { id: 'S48', text: 'sessions end: by time, by logging out, and cannot be replayed' }
]
