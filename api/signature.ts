import { createHmac, timingSafeEqual } from 'node:crypto'
import { isReservedLabel, LABEL } from './labels.ts'
import type { StringMap } from './meta.ts'
import { canonicalJson } from './spec-hash.ts'

/** What a signature binds labels to: they prove nothing on another kind of object, another image or another subnet. */
export type Bond =
  | { readonly kind: 'container'; readonly imageId: string }
  | { readonly kind: 'network'; readonly subnet: string }
  | { readonly kind: 'volume' }

/** Signs what we make, and tells it from what only carries our labels. */
export interface Signer {
  /** The labels, and the signature with them. */
  sign: (labels: StringMap, bond: Bond) => Record<string, string>
  /** Whether a holder of the key made an object with these labels and this bond. */
  isGenuine: (labels: StringMap, bond: Bond) => boolean
}

/** What is signed: the labels that are reserved for us, in an order that is always the same, and what they are bound to. */
export function signedText(labels: StringMap, bond: Bond): string {
  const own = Object.entries(labels).filter(([key]) => isReservedLabel(key) && key !== LABEL.signature)
  return canonicalJson({ bond, labels: Object.fromEntries(own) })
}

/** Signs with HMAC-SHA256. */
export function createSigner(key: Uint8Array): Signer {
  const digest = (labels: StringMap, bond: Bond) =>
    createHmac('sha256', key).update(signedText(labels, bond)).digest('hex')
  return {
    sign: (labels, bond) => ({ ...labels, [LABEL.signature]: digest(labels, bond) }),
    isGenuine: (labels, bond) => isSame(labels[LABEL.signature] ?? '', digest(labels, bond))
  }
}

/** The bond of a container. */
export function containerBond({ imageId }: { readonly imageId: string }): Bond {
  return { kind: 'container', imageId }
}

/** The bond of a network. */
export function networkBond({ subnets }: { readonly subnets: readonly string[] }): Bond {
  return { kind: 'network', subnet: subnets[0] ?? '' }
}

function isSame(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
