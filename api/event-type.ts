/** How grave an event is. In a file of its own, as the command line loads no zod to complete a word. Source: Kubernetes. */
export const EVENT_TYPES = ['Normal', 'Warning'] as const
