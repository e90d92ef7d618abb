import * as z from 'zod'
import { FunctionUsageItem } from '../usage.ts'

/** `GET /v1/usage`. */
export const FunctionUsageListAnswer = z.object({
  apiVersion: z.literal('v1'),
  kind: z.literal('FunctionUsageList'),
  items: z.array(FunctionUsageItem)
})
