import { address, bool, field, flag, oneOf, port } from './field.ts'

const logLevel = oneOf(['debug', 'info', 'warn', 'error'], {
  ...{ trace: 'debug', warning: 'warn', fatal: 'error', panic: 'error' }
})

/** What the program says of itself: its log and its metrics. */
export const outputFields = {
  LOG_LEVEL: field(logLevel, 'info', 'Least level that is logged'),
  LOG_FORMAT: field(oneOf(['json', 'text']), 'json', 'One JSON object per line, or lines for people'),
  NO_COLOR: field(flag, '', 'No colours in the text form, whatever the value'),
  METRICS_ENABLED: field(bool, 'true', 'Whether metrics are served on a port of their own'),
  METRICS_ADDRESS: field(address, '0.0.0.0', 'Where metrics are served'),
  METRICS_PORT: field(port, '9090', 'Port of metrics; 0 is any free one')
} as const
