// SPDX-License-Identifier: Apache-2.0
/** The portable relay, on Node's streams: for every platform, and for TLS, which the kernel's splice can't move. */
import type { Socket } from 'node:net';
import type { LeatError } from '../errors/leat-error.ts';
import { resetSocket } from '../net/reset-socket.ts';
import { HALF_CLOSED_KEEPALIVE_MS, type Relay } from './relay.ts';
import { idleError, type RelaySide, relayError } from './relay-error.ts';

/**
 * Moves bytes both ways with backpressure until both sides have ended, or one fails. An end of stream is passed on and
 * the other direction stays open; a reset of one side is a reset of the other. Bytes that the sockets already hold
 * (unshifted, buffered) go first. Never rejects.
 */
export const streamRelay: Relay = (downstream, upstream, options) =>
  new Promise((resolve) => {
    const moved = { downstream: 0, upstream: 0 };
    let open = 2;
    let error: LeatError | null = null;

    const fail = (reason: LeatError): void => {
      if (error !== null) return;
      error = reason;
      resetSocket(downstream);
      resetSocket(upstream);
    };
    const idle = setTimeout(() => fail(idleError(options.idleTimeoutMs)), options.idleTimeoutMs);

    const follow = (side: RelaySide, source: Socket, sink: Socket): void => {
      const passEndOn = (): void => {
        sink.end();
        if (source.writableEnded) return;
        // Both legs are half-closed now, and the other direction may stay silent for long.
        source.setKeepAlive(true, HALF_CLOSED_KEEPALIVE_MS);
        sink.setKeepAlive(true, HALF_CLOSED_KEEPALIVE_MS);
      };
      const gone = (): void => {
        if (!source.readableEnded || !source.writableFinished) fail(relayError(side, source.errored));
        open -= 1;
        if (open > 0) return;
        clearTimeout(idle);
        resolve({ sentBytes: moved.downstream, receivedBytes: moved.upstream, error });
      };
      if (source.closed) {
        queueMicrotask(gone);
        return;
      }
      source.on('data', (chunk: Buffer) => {
        moved[side] += chunk.length;
        idle.refresh();
        if (!sink.write(chunk)) source.pause();
      });
      sink.on('drain', () => {
        idle.refresh();
        source.resume();
      });
      source.once('end', passEndOn);
      source.once('error', (cause) => fail(relayError(side, cause)));
      source.once('close', gone);
      if (source.readableEnded) passEndOn();
    };
    follow('downstream', downstream, upstream);
    follow('upstream', upstream, downstream);
    // Not before both directions are wired: the other side's events must not be missed.
    downstream.resume();
    upstream.resume();
  });
