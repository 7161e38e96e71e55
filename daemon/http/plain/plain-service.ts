// SPDX-License-Identifier: Apache-2.0
/**
 * The plain path: requests in a strict subset of HTTP/1.1, without node:http. The engine finds heads and moves bodies; every
 * head is read, decided and written in TypeScript. What is not plain is handed over to the general path with all its bytes. docs/adr/0007-two-http-paths.md
 */
import { getSystemErrorName } from 'node:util';
import { asLeatError, LeatError } from '../../errors/leat-error.ts';
import { HttpEngine, ROW } from '../../native/http-engine.ts';
import type { Downstream } from '../../net/downstream.ts';
import type { HttpRoute } from '../../routing/route.ts';
import type { CredentialSource, Dial, HttpContext, TakeSocket } from '../ports.ts';
import { hasPlainTarget } from './is-plain.ts';
import { PlainConnection } from './plain-connection.ts';
import type { AnswerTaker, PlainEnd } from './plain-ports.ts';
import { sharePlans } from './share-plans.ts';
import { createUpstreamLegs } from './upstream-legs.ts';

export interface PlainServiceOptions {
  readonly dial: Dial;
  readonly takeSocket: TakeSocket;
  readonly credentials: CredentialSource;
  readonly headerTimeoutMs: number;
  readonly keepAliveMs: number;
}

export interface PlainService {
  /** Serves the connection as long as its requests are plain. Null: it is none for this path, and untouched. */
  serve(downstream: Downstream, route: HttpRoute, context: HttpContext): Promise<PlainEnd> | null;
  drain(): void;
  renew(): void;
  close(): void;
}

/** One engine, and the connections and upstream legs that it serves. */
export function createPlainService(options: PlainServiceOptions): PlainService {
  /** By slot of the engine; a slot is a connection's or an upstream leg's. */
  const downstreams: (PlainConnection | undefined)[] = [];
  const upstreams: (AnswerTaker | undefined)[] = [];
  const followed = new WeakSet<AbortSignal>();
  let isDraining = false;
  const engine = new HttpEngine({
    ...options,
    onRow(row, slot, a, b, c, d) {
      try {
        onRow(row, slot, a, b, c, d);
      } catch (defect) {
        // Of ours, and one connection's: the others go on.
        (downstreams[slot] ?? upstreams[slot])?.fail(asLeatError(defect));
      }
    },
  });
  const legs = createUpstreamLegs(engine, options.dial, options.takeSocket);
  const ports = {
    engine,
    legs,
    planOf: sharePlans(engine),
    credentials: options.credentials,
    isDraining: () => isDraining,
    follow: (slot: number, connection: AnswerTaker) => {
      upstreams[slot] = connection;
    },
    leave: (slot: number) => {
      downstreams[slot] = undefined;
    },
  };

  function onRow(row: number, slot: number, a: number, b: number, c: number, d: number): void {
    const connection = downstreams[slot];
    if (connection === undefined) {
      if (row === ROW.head) upstreams[slot]?.onAnswer(a, b);
      else legs.noteEnd(slot);
      return;
    }
    switch (row) {
      case ROW.head:
        connection.onRequest(a, b);
        break;
      case ROW.done:
        connection.onDone(a, b, c === 1);
        break;
      case ROW.asked:
        connection.onAsked();
        break;
      case ROW.odd:
        connection.onOdd();
        break;
      case ROW.ended:
        connection.onEnded(errnoName(a));
        break;
      case ROW.failed:
        connection.onFailed(a, errnoName(b) ?? '', c, d);
        break;
      case ROW.late:
        connection.onLate(a, b, c);
        break;
      case ROW.gone:
        downstreams[slot] = undefined;
        engine.forget();
        connection.onGone(a, b);
        break;
    }
  }

  /** One listener for all connections of a signal: an EventTarget looks through those that it has for each one more. */
  function failWith(signal: AbortSignal): void {
    if (followed.has(signal)) return;
    followed.add(signal);
    const onAbort = (): void => {
      for (const connection of downstreams) if (connection?.signal === signal) connection.fail(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  }

  return {
    serve(downstream, route, context) {
      if (isDraining || context.signal.aborted || !hasPlainTarget(route)) return null;
      const fd = downstream.takeDescriptor();
      if (fd === null) return null;
      const slot = engine.adopt(fd, 'downstream');
      if (slot === null) {
        downstream.giveBack(fd);
        return null;
      }
      const connection = new PlainConnection(slot, context, ports);
      downstreams[slot] = connection;
      failWith(context.signal);
      return connection.ended.then((end) => {
        if (end.kind === 'handedOver') downstream.giveBack(end.fd);
        return end;
      });
    },
    drain() {
      isDraining = true;
      for (const connection of downstreams) if (connection?.isIdle) connection.end(null);
    },
    renew: () => legs.renew(),
    close() {
      for (const connection of downstreams) connection?.fail(new LeatError('DRAINED', 'Leat is stopping'));
      engine.shut();
    },
  };
}

function errnoName(errno: number): string | null {
  return errno === 0 ? null : getSystemErrorName(-errno);
}
