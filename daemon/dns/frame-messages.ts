// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/**
 * Takes messages out of a TCP stream, where each has its length in front (RFC 1035 §4.2.2). Calls `onMessage` for each
 * that is complete; a message is kept in one buffer of its announced size, so that one byte a packet costs no copies.
 */
export class FrameReader {
  readonly #onMessage: (message: Buffer) => void;
  #highLengthByte = -1;
  #message: Buffer | null = null;
  #filled = 0;

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#message === null) {
        const byte = chunk[offset++] as number;
        if (this.#highLengthByte < 0) {
          this.#highLengthByte = byte;
          continue;
        }
        this.#message = Buffer.allocUnsafe((this.#highLengthByte << 8) | byte);
        this.#filled = 0;
        this.#highLengthByte = -1;
      }
      const copied = chunk.copy(this.#message, this.#filled, offset);
      this.#filled += copied;
      offset += copied;
      this.#endMessage();
    }
  }

  #endMessage(): void {
    const message = this.#message;
    if (message === null || this.#filled < message.length) return;
    this.#message = null;
    this.#onMessage(message);
  }
}

/** Length and message in one segment: some servers read both with one call. False where the stream wants to be drained. */
export function writeMessage(socket: Socket, message: Buffer): boolean {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(message.length);
  socket.cork();
  socket.write(length);
  const goOn = socket.write(message);
  socket.uncork();
  return goOn;
}
