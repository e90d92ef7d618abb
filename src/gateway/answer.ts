import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { clientCallId, type RawHeaders, type ResponseMarks, toUnixNanos } from './headers.ts'
import type { Upgrade } from './proxy-deps.ts'
import { type Refusal, writeRefusal } from './refusal.ts'
import { cutOff, flushHead, type Head, switchHead, writeEnd, writeHead, writeInformation } from './relay.ts'

/** Answers up to this length go out in one piece with their head. */
const JOINED_BYTES = 8 * 1024

/** Interim answers beyond this number are left out: they are written whether or not the client reads. */
const MAX_INTERIM = 16

export interface AnswerOptions {
  /** Unix milliseconds at which the call came. */
  readonly now: number
  readonly servedBy: string
  /** The client waits for `100 Continue`. */
  readonly owesContinue: boolean
}

/** What the client of one call gets: the function's answer, or the gateway's own in its place. */
export class Answer {
  readonly marks: ResponseMarks
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  #owesContinue: boolean
  #isBegun = false
  #isPaused = false
  #interim = 0
  #length: number | undefined
  /** The whole body, which goes out with the head when the answer ends, in the same tick. */
  #whole: Buffer | undefined

  constructor(req: IncomingMessage, res: ServerResponse, { now, servedBy, owesContinue }: AnswerOptions) {
    this.#req = req
    this.#res = res
    this.#owesContinue = owesContinue
    const given = clientCallId(req)
    this.marks = {
      callId: given ?? randomUUID(),
      generated: given === undefined,
      startTime: toUnixNanos(now),
      servedBy
    }
  }

  /** Whether the head of the function's answer went out, so that nothing else can be said any more. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** Whether the client reads slower than the function writes. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Passes a head on, an interim one too; `close` ends the client's connection with the answer. Throws when node:http refuses a header. */
  head(head: Head, close: boolean): void {
    if (head.status < 200) {
      if (++this.#interim <= MAX_INTERIM) writeInformation(this.#req, this.#res, head)
      return
    }
    this.#length = writeHead(this.#req, this.#res, head, { marks: this.marks, close })
    this.#isBegun = true
    // node:http keeps the head back for the first byte of the body, which an event stream may not have for long.
    if (this.#length === undefined) process.nextTick(flushHead, this.#res)
  }

  /** Passes bytes on; gives whether more is welcome, otherwise `onDrain` says when. */
  data(chunk: Buffer, onDrain: () => void): boolean {
    if (chunk.length === this.#length && chunk.length <= JOINED_BYTES) {
      this.#whole = chunk
      return true
    }
    if (this.#res.write(chunk)) return true
    // What was read already still comes, in however many pieces.
    if (this.#isPaused) return false
    this.#isPaused = true
    this.#res.once('drain', () => {
      this.#isPaused = false
      onDrain()
    })
    return false
  }

  /** Ends the function's answer; gives its status. */
  end(rawTrailers: RawHeaders): number {
    if (this.#whole === undefined) writeEnd(this.#res, rawTrailers)
    else this.#res.end(this.#whole.toString('latin1'), 'latin1')
    return this.#res.statusCode
  }

  /** Passes a head 101 on, as what the function says to `upgrade`; gives the client's connection. Throws when node:http would refuse a header. */
  switch(head: Head, upgrade: Upgrade): Duplex {
    const bytes = switchHead(head, this.marks)
    this.#isBegun = true
    const client = upgrade.take()
    client.write(bytes)
    return client
  }

  /** Sends `100 Continue`, once, to a client that waits for it. */
  sendContinue(): void {
    if (!this.#owesContinue) return
    this.#owesContinue = false
    this.#res.writeContinue()
  }

  /** Answers in place of the function. A client that still waits for `100 Continue` may send its body or not: its connection ends. */
  refuse(refusal: Refusal, close: boolean): void {
    if (this.#res.destroyed) return
    writeRefusal(this.#res, { ...refusal, close: close || refusal.close === true || this.#owesContinue }, this.marks)
  }

  /** Ends the client's connection so that it can tell that the answer is not whole. */
  cut(): void {
    cutOff(this.#req, this.#res)
  }
}
