import { defineEntity, type InferEntity, p } from '@mikro-orm/core'

/** A function; the JSON columns are canonical text, which `rows.ts` reads and writes. */
export const FunctionEntity = defineEntity({
  name: 'FunctionRow',
  tableName: 'functions',
  properties: {
    id: p.integer().primary(),
    namespace: p.text(),
    name: p.text(),
    uid: p.text().unique(),
    generation: p.integer(),
    resourceVersion: p.integer(),
    spec: p.text(),
    labels: p.text(),
    annotations: p.text(),
    status: p.text(),
    createdAt: p.text(),
    updatedAt: p.text(),
    deletionRequestedAt: p.text().nullable(),
    scale: p.text().nullable()
  }
})
export type FunctionRow = InferEntity<typeof FunctionEntity>

export const RevisionEntity = defineEntity({
  name: 'RevisionRow',
  tableName: 'revisions',
  properties: {
    id: p.integer().primary(),
    functionUid: p.text(),
    revision: p.integer(),
    spec: p.text(),
    labels: p.text(),
    annotations: p.text(),
    createdAt: p.text()
  }
})
export type RevisionRow = InferEntity<typeof RevisionEntity>

export const EventEntity = defineEntity({
  name: 'EventRow',
  tableName: 'events',
  properties: {
    id: p.integer().primary(),
    namespace: p.text(),
    name: p.text(),
    uid: p.text(),
    type: p.text(),
    reason: p.text(),
    message: p.text(),
    count: p.integer(),
    firstAt: p.text(),
    lastAt: p.text(),
    resourceVersion: p.integer()
  }
})
export type EventRow = InferEntity<typeof EventEntity>

/** Single values: `resource_version` (of the last write), `event_version` (of the last event), `born_at` (ms since the epoch), and JSON: `inherited_uids`, `adoption`, `discarded_uids`. */
export const MetaEntity = defineEntity({
  name: 'MetaRow',
  tableName: 'meta',
  properties: { key: p.text().primary(), value: p.text() }
})

/** An image under one of the references that it was pulled by. */
export const PulledImageEntity = defineEntity({
  name: 'PulledImageRow',
  tableName: 'pulled_images',
  properties: {
    id: p.integer().primary(),
    imageId: p.text(),
    reference: p.text(),
    pulledAt: p.text(),
    unusedSince: p.text().nullable()
  }
})

/** A secret; nonce and ciphertext are base64. */
export const SecretEntity = defineEntity({
  name: 'SecretRow',
  tableName: 'secrets',
  properties: {
    id: p.integer().primary(),
    namespace: p.text(),
    name: p.text(),
    uid: p.text().unique(),
    version: p.integer(),
    contentId: p.text(),
    resourceVersion: p.integer(),
    sizeBytes: p.integer(),
    keyId: p.text(),
    nonce: p.text(),
    ciphertext: p.text(),
    createdAt: p.text(),
    updatedAt: p.text()
  }
})
export type SecretRow = InferEntity<typeof SecretEntity>

/** One row of the audit log. */
export const AuditEntity = defineEntity({
  name: 'AuditRow',
  tableName: 'audit',
  properties: {
    id: p.integer().primary(),
    at: p.text(),
    actorKind: p.text(),
    actor: p.text(),
    tokenId: p.text().nullable(),
    address: p.text(),
    userAgent: p.text(),
    verb: p.text(),
    kind: p.text(),
    namespace: p.text(),
    name: p.text(),
    before: p.text().nullable(),
    after: p.text().nullable(),
    outcome: p.text(),
    status: p.integer(),
    code: p.text().nullable(),
    requestId: p.text(),
    count: p.integer(),
    detail: p.text().nullable(),
    mac: p.text()
  }
})
export type AuditRow = InferEntity<typeof AuditEntity>

/** Where the audit log begins (`anchor`) and ends (`head`). */
export const AuditMarkEntity = defineEntity({
  name: 'AuditMarkRow',
  tableName: 'audit_marks',
  properties: { name: p.text().primary(), id: p.integer(), mac: p.text(), seal: p.text() }
})

/** A token or a session; `scopes` and `namespaces` are JSON. */
export const TokenEntity = defineEntity({
  name: 'TokenRow',
  tableName: 'tokens',
  properties: {
    id: p.text().primary(),
    kind: p.text(),
    name: p.text(),
    digest: p.text(),
    scopes: p.text(),
    namespaces: p.text().nullable(),
    passwordMark: p.text().nullable(),
    createdAt: p.text(),
    createdBy: p.text(),
    expiresAt: p.text().nullable(),
    lastUsedAt: p.text().nullable()
  }
})
export type TokenRow = InferEntity<typeof TokenEntity>

/** A namespace; `labels` and `annotations` are canonical JSON. */
export const NamespaceEntity = defineEntity({
  name: 'NamespaceRow',
  tableName: 'namespaces',
  properties: {
    name: p.text().primary(),
    labels: p.text(),
    annotations: p.text(),
    createdAt: p.text(),
    resourceVersion: p.integer()
  }
})
export type NamespaceRow = InferEntity<typeof NamespaceEntity>

export const ENTITIES = [
  FunctionEntity,
  RevisionEntity,
  EventEntity,
  MetaEntity,
  PulledImageEntity,
  SecretEntity,
  AuditEntity,
  AuditMarkEntity,
  TokenEntity,
  NamespaceEntity
]
