import bunyan from 'bunyan'
import { describeError } from './error-chain.ts'
import { LogOutput } from './output.ts'
import { redact } from './redact.ts'
import { formatLogText } from './text.ts'

const STDOUT = 1

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
/** Any plain object; `err` in it is an error. */
export type LogFields = object

interface LogMethod {
  (fields: LogFields, message: string): void
  (message: string): void
}

/** What the code base logs with: everything variable is a field, the message is constant. */
export interface Logger {
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
  /** A logger whose every line has these fields too. */
  readonly child: (fields: LogFields) => Logger
}

export interface LogStream {
  readonly write: (line: string) => unknown
}

export interface LoggerOptions {
  readonly level: LogLevel
  /** One JSON object per line, or lines for people; JSON when left out. */
  readonly format?: 'json' | 'text'
  /** Colours in the text form. */
  readonly colour?: boolean
  /** Standard output, written before each call returns, when left out. */
  readonly stream?: LogStream
}

/** A logger whose lines never hold a secret that `redact` knows, and print the whole `cause` chain of `err`. */
export function createLogger(options: LoggerOptions): Logger {
  const { level, format = 'json', colour = false, stream = new LogOutput(STDOUT) } = options
  const write = (record: object): void => {
    const safe = redact(record) as Readonly<Record<string, unknown>>
    stream.write(`${format === 'json' ? JSON.stringify(safe) : formatLogText(safe, colour)}\n`)
  }
  return bunyan.createLogger({
    name: 'docker-faas',
    serializers: { err: (err: unknown) => (err === undefined ? undefined : describeError(err)) },
    streams: [{ level, type: 'raw', stream: { write } as unknown as NodeJS.WritableStream }]
  })
}

/** A logger that says nothing, for tests and for commands whose output is for people. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger
}
