/** A manifest of `hello`, with this beside its image and its name. */
export const aManifest = (over: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Function',
  metadata: { name: 'hello', ...metadata },
  spec: { image: 'hello:1', ...over }
})
