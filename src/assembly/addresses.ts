import { readFile } from 'node:fs/promises'
import { systemClock } from '../clock.ts'
import { type HostRoute, readHostRoutes } from '../engine/host-routes.ts'
import { PortLeases } from '../engine/port-leases.ts'
import { SubnetLeases } from '../engine/subnet-leases.ts'
import { capacityOf, prefixFor } from '../engine/subnets.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'

/** Where the networks of functions get their addresses, what is in the way, and where debuggers get their ports. */
export function assembleAddresses({ config }: ControlPlaneDeps) {
  return {
    subnets: new SubnetLeases({ pool: config.FUNCTIONS_SUBNET_POOL, clock: systemClock }),
    prefixFor,
    capacityOf,
    routes: hostRoutes,
    ports: new PortLeases({
      range: config.DEBUG_PORT_RANGE,
      reserved: [config.GATEWAY_PORT, config.METRICS_PORT],
      clock: systemClock
    })
  }
}

export function hostRoutes(): Promise<HostRoute[]> {
  return readHostRoutes(path => readFile(path, 'utf8'))
}
