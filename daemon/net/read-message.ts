// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { LeatError } from '../errors/leat-error.ts';

/** What a parser makes of the bytes so far: a value and how many bytes it took, or how many there must be to go on. */
export type Parsed<T> =
  | { readonly done: true; readonly value: T; readonly consumedBytes: number }
  | { readonly done: false; readonly needBytes: number };

export interface ReadMessageOptions<T> {
  /** Sees all bytes from the start, again each time. Bounds its own length: throws rather than ask for too much. */
  readonly parse: (bytes: Buffer) => Parsed<T>;
  /** The peer ended or reset before the message was whole; `cause` is null for an orderly end. */
  readonly onEnd: (cause: unknown) => LeatError;
  readonly signal: AbortSignal;
}

/**
 * Reads one message of a stream and gives back every byte behind it: they are unshifted in the same turn, before the
 * stream can end, so a server that speaks first loses nothing. The socket is left paused. The caller sets the deadline,
 * through the signal, and destroys the socket on failure.
 */
export async function readMessage<T>(socket: Socket, options: ReadMessageOptions<T>): Promise<T> {
  const value = await new Promise<T>((resolve, reject) => {
    const { parse, onEnd, signal } = options;
    let held = Buffer.alloc(0);
    let chunks: Buffer[] = [];
    let length = 0;
    let needBytes = 1;

    const stop = (): void => {
      socket.off('readable', onReadable);
      socket.off('end', onClose);
      socket.off('error', onError);
      socket.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (reason: unknown): void => {
      stop();
      reject(reason);
    };
    const onAbort = (): void => fail(signal.reason);
    const onError = (cause: unknown): void => fail(onEnd(cause));
    const onClose = (): void => fail(onEnd(socket.errored));
    const take = (chunk: Buffer): boolean => {
      chunks.push(chunk);
      length += chunk.length;
      // A peer that sends byte by byte does not make us parse for each.
      if (length < needBytes) return false;
      held = Buffer.concat([held, ...chunks]);
      chunks = [];
      const parsed = parse(held);
      if (!parsed.done) {
        needBytes = Math.max(parsed.needBytes, length + 1);
        return false;
      }
      stop();
      const surplus = held.subarray(parsed.consumedBytes);
      if (surplus.length > 0) socket.unshift(surplus);
      resolve(parsed.value);
      return true;
    };
    const onReadable = (): void => {
      try {
        for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) if (take(chunk as Buffer)) return;
      } catch (error) {
        fail(error);
      }
    };

    if (signal.aborted) return reject(signal.reason);
    if (socket.destroyed || socket.readableEnded) return reject(onEnd(socket.errored));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('end', onClose);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('readable', onReadable);
  });
  // The stream forgets that it was paused when the last 'readable' listener goes, one tick later: by now.
  socket.pause();
  return value;
}
