import * as z from 'zod'
import { UserLabels } from './function.ts'
import { LEGACY_NAME } from './meta.ts'
import { NamespaceAnnotations } from './namespace-object.ts'
import { withoutNulls } from './openfaas.ts'

const shape = {
  name: z.string().regex(LEGACY_NAME, 'must be the name of a namespace'),
  labels: UserLabels.default({}),
  annotations: NamespaceAnnotations.default({})
}

/** Body of `POST /system/namespace/`. Unknown fields are ignored, null is absent, as Go's decoder has it. */
export const NamespaceRequest = z.preprocess(body => withoutNulls(body), z.object(shape))

/** The same where the path names it: of `PUT` and `DELETE`. */
export const NamedNamespaceRequest = z.preprocess(
  body => withoutNulls(body),
  z.object({ ...shape, name: shape.name.optional() })
)
