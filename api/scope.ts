/** What credentials may be good for. `admin` holds all others. */
export const SCOPES = ['read', 'deploy', 'invoke', 'secrets', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** Namespaces that credentials are bound to, or all, those to come among them. */
export type Namespaces = 'all' | ReadonlySet<string>

/** Whether the namespace is one of them. */
export function isWithin(namespaces: Namespaces, namespace: string): boolean {
  return namespaces === 'all' || namespaces.has(namespace)
}
