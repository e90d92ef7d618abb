import * as z from 'zod'

/** `GET /openapi.json`. */
export const DocumentAnswer = z
  .looseObject({ openapi: z.literal('3.1.0'), info: z.looseObject({}), paths: z.looseObject({}) })
  .meta({ examples: [{ openapi: '3.1.0', info: { title: 'Docker FaaS', version: '3.0.0' }, paths: {} }] })
