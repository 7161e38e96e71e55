// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HttpEngine, LegPair } from '../../native/http-engine.ts';
import { resetSocket } from '../../net/reset-socket.ts';

/** As much as TLS takes before it asks for a pause. */
const READ_BYTES = 64 * 1024;
/** How long the last bytes may take to leave. */
const LINGER_MS = 1000;
const NOTHING = Buffer.alloc(0);
/** Each pair reads into it, and copies what it got before the next one reads: most messages are far smaller. */
const inbox = Buffer.allocUnsafeSlow(READ_BYTES);

/** TLS to an upstream, behind a leg of the engine that knows nothing of it. */
export interface CarriedTls {
  /** What ended the connection before its time; null: nothing did, or an orderly end. */
  readonly failure: Error | null;
  /**
   * Whether the next request goes past the pair, by {@link send}. False where it has to go by the pair, as all that follows: a
   * body did (`hasBody`: or will), which could be overtaken.
   */
  takesNext(hasBody: boolean): boolean;
  /** Sends a request that has no body. Only behind `takesNext`, and once the leg waits for the answer. */
  send(head: Uint8Array): void;
  /** Ends it so that the upstream can't take it for an orderly end. Whoever closes the leg ends it in order. */
  reset(): void;
}

/**
 * Moves bytes between a TLS socket and a leg, no faster than either takes them; takes the socket and the leg's other end over.
 * Short messages need no socket to get there: the engine is fed with answers, and TLS with heads, where nothing else is under
 * way. An end of the upstream's (close_notify or FIN) is shut down towards the leg; what is no orderly end closes the pair.
 */
export function carryTls(engine: Pick<HttpEngine, 'feed'>, leg: LegPair, secured: TLSSocket): CarriedTls {
  let failure: Error | null = null;
  /** Whether a request went to the upstream by the pair. */
  let asksByPair = false;
  /** Of the other direction: nothing is in the pair. */
  let isEmpty = true;
  const pair = new Socket({
    fd: leg.fd,
    allowHalfOpen: true,
    onread: {
      buffer: inbox,
      callback: (length) => !secured.writable || secured.write(Buffer.from(inbox.subarray(0, length))),
    },
  });
  pair.on('drain', () => secured.resume());
  pair.once('end', () => {
    pair.destroy();
    endInOrder(secured);
  });
  // The leg was closed over bytes that it had not read, or while some were on their way.
  pair.once('error', () => resetSocket(secured));
  secured.on('drain', () => pair.resume());
  secured.on('data', (chunk: Buffer) => {
    if (!pair.writable) return;
    const isIdle = pair.writableLength === 0;
    const isFed = isIdle && engine.feed(leg, chunk, isEmpty);
    isEmpty = isFed;
    if (!isFed && !pair.write(chunk)) secured.pause();
  });
  secured.once('end', () => pair.end());
  secured.on('error', (error) => {
    failure ??= error;
  });
  secured.once('close', () => {
    if (!pair.writableEnded && !pair.destroyed) pair.write(NOTHING, () => pair.destroy());
  });
  secured.resume();
  return {
    get failure() {
      return failure;
    },
    takesNext(hasBody) {
      asksByPair ||= hasBody;
      return !asksByPair && secured.writable;
    },
    send(head) {
      // Else its end is on its way to the leg.
      if (secured.writable) secured.write(Buffer.from(head));
    },
    reset() {
      pair.destroy();
      resetSocket(secured);
    },
  };
}

function endInOrder(secured: TLSSocket): void {
  if (secured.destroyed) return;
  const timer = setTimeout(() => resetSocket(secured), LINGER_MS).unref();
  secured.once('close', () => clearTimeout(timer));
  secured.destroySoon();
}
