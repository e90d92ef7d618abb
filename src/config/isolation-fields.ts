import { parseRegistry } from '../../api/image-rule.ts'
import { LEVELS, type Level } from '../../api/isolation.ts'
import { DNS_LABEL } from '../../api/meta.ts'
import { bool, field, type Kind, list, oneOf, ports } from './field.ts'

/** `namespace=level`, with commas between them. */
const levels: Kind<Readonly<Record<string, Level>>> = {
  unit: 'list of namespaces',
  allowed: `namespaces with their policy, ${LEVELS.join(' or ')}, and commas between them, such as payments=restricted`,
  example: 'payments=restricted',
  parse: value => {
    const pairs = value
      .split(',')
      .map(item => item.trim())
      .filter(item => item !== '')
      .map(item => item.split('='))
    const found = pairs.map(([namespace = '', level]) => [namespace, LEVELS.find(known => known === level)] as const)
    const isRight = found.every(([namespace, level], at) => {
      return DNS_LABEL.test(namespace) && level !== undefined && pairs[at]?.length === 2
    })
    const names = new Set(found.map(([namespace]) => namespace))
    return isRight && names.size === found.length
      ? Object.freeze(Object.fromEntries(found) as Record<string, Level>)
      : undefined
  }
}

const registries = list(parseRegistry, {
  unit: 'list of registries',
  allowed:
    'registries, or parts of them, with commas between them, such as registry.example:5000/team,docker.io/library',
  example: 'registry.example/team'
})

const runtimes = list(text => (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/.test(text) ? text : undefined), {
  unit: 'list of names',
  allowed: 'names of runtimes of the engine with commas between them, such as runsc,kata',
  example: 'runsc'
})

/** How functions are kept from everything else, and what they may be made of. */
export const isolationFields = {
  FIREWALL: field(
    oneOf(['auto', 'off']),
    'auto',
    'Whether functions are kept from the host, from each other and from metadata addresses by rules of iptables, where the gateway can write them'
  ),
  POLICY_DEFAULT: field(
    oneOf(LEVELS),
    'baseline',
    'Policy of namespaces that POLICY_NAMESPACES does not name: what OpenFaaS images need, or also no root, a read-only root file system and no way out'
  ),
  POLICY_NAMESPACES: field(levels, '', 'Namespaces with a policy of their own'),
  RUNTIMES_ALLOWED: field(
    runtimes,
    '',
    'Runtimes that functions may ask for, by the annotation com.docker-faas.runtime or by profiles'
  ),
  IMAGE_REGISTRIES_ALLOWED: field(registries, '', 'Where the images of functions may come from; not set: anywhere'),
  IMAGE_DIGEST_REQUIRED: field(bool, 'false', 'Whether images must be named by their digest'),
  FUNCTIONS_MAY_CALL: field(
    oneOf(['nothing', 'functions', 'everything']),
    'nothing',
    'What functions may ask of the gateway: nothing, calls of functions, or all of its API'
  ),
  FUNCTIONS_HOST_PORTS: field(ports, '', 'Ports of the host that functions may connect to, such as that of a database')
} as const
