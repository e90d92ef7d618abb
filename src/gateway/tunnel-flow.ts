import type { Duplex } from 'node:stream'
import { type Closing, closeFrame, FrameBounds } from './websocket-frames.ts'

export interface TunnelFlowOptions {
  /** Whether what passes are frames of a WebSocket. */
  readonly isWebSocket: boolean
  /** Whether frames are masked in this direction. */
  readonly masked: boolean
  /** So many bytes passed, or may pass again. */
  readonly onMoved: (bytes: number) => void
}

/** One direction of a tunnel: passes bytes on at the speed of whoever reads, until one of its ends is told to end. */
export class TunnelFlow {
  readonly #from: Duplex
  readonly #to: Duplex
  readonly #masked: boolean
  readonly #onMoved: (bytes: number) => void
  readonly #frames: FrameBounds | undefined
  #closing: Closing | undefined
  #isEnded = false

  constructor(from: Duplex, to: Duplex, { isWebSocket, masked, onMoved }: TunnelFlowOptions) {
    this.#from = from
    this.#to = to
    this.#masked = masked
    this.#onMoved = onMoved
    this.#frames = isWebSocket ? new FrameBounds() : undefined
  }

  /** Whether nothing more is passed on. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether a Close frame was passed on. */
  get isClosed(): boolean {
    return this.#frames?.isClosed === true
  }

  start(): void {
    this.#to.on('drain', this.#onDrain)
    this.#from.on('data', this.#onData).resume()
  }

  /**
   * Ends the direction after what was passed on; with `closing`, a WebSocket by a Close frame, which waits for the end of a frame
   * that is being passed on. What comes later is thrown away, as a reset would take along what was sent.
   */
  end(closing?: Closing): void {
    if (this.#isEnded) return
    const frames = this.#frames
    if (closing === undefined || frames === undefined || frames.isClosed) this.#endWith(undefined)
    else if (frames.isBetween) this.#endWith(closeFrame(closing, this.#masked))
    else if (this.#from.readableEnded || this.#from.destroyed) this.#to.destroy()
    else this.#closing = closing
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isEnded) return
    this.#onMoved(chunk.length)
    const isClosing = this.#closing !== undefined
    const bytes = this.#frames?.read(chunk, isClosing) ?? chunk.length
    if (!this.#to.write(bytes === chunk.length ? chunk : chunk.subarray(0, bytes))) this.#from.pause()
    if (isClosing) this.end(this.#closing)
  }

  readonly #onDrain = (): void => {
    this.#onMoved(0)
    this.#from.resume()
  }

  #endWith(frame: Buffer | undefined): void {
    this.#isEnded = true
    if (frame === undefined) this.#to.end()
    else this.#to.end(frame)
    this.#from.resume()
  }
}
