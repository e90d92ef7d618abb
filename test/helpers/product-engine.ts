import { DEFAULT_HOST } from '../../src/engine/docker-client.ts'

/**
 * The engine as the program under test is given it: behind a socket proxy, where `npm test` runs one. What tests do
 * themselves they do directly.
 */
export const PRODUCT_HOST = process.env['PRODUCT_DOCKER_HOST'] || process.env['DOCKER_HOST'] || DEFAULT_HOST
