/** The namespace of functions that name none. Source: OpenFaaS. */
export const DEFAULT_NAMESPACE = 'openfaas-fn'
