// SPDX-License-Identifier: Apache-2.0
/**
 * The way of a connection (DESIGN §2), from accept to its record. Each stage takes what the stage before it made and adds
 * one fact; whatever fails at any stage ends here, as a reset for the client and a flag in the record.
 *
 * A stage that knows gives its answer at once, and a promise only where it has to wait: most connections are on their way
 * within the turn that accepted them, and an await is a turn of its own.
 */
import { asLeatError } from '../errors/leat-error.ts';
import type { Downstream } from '../net/downstream.ts';
import { acceptConnection } from './accept-connection.ts';
import { captureConnection } from './capture-connection.ts';
import type { ConnectionLimit } from './connection-limit.ts';
import { decideConnection } from './decide-connection.ts';
import { identifyConnection } from './identify-connection.ts';
import { nameConnection } from './name-connection.ts';
import type { ProxyPorts, RelayResult } from './ports.ts';
import { takeRoute, upstreamOf } from './take-route.ts';

/** Takes a redirected connection to where it belongs. Never rejects; resolves when the connection and its record are done. */
export async function handleConnection(
  downstream: Downstream,
  ports: ProxyPorts,
  limit: ConnectionLimit,
): Promise<void> {
  const accepted = acceptConnection(downstream);
  const record = ports.startRecord(accepted.peer);
  let result: RelayResult;
  let slot: Disposable | null = null;
  try {
    const captured = captureConnection(accepted, ports.readOriginalDestination);
    record.add({ originalDestination: captured.originalDestination });

    const identifying = identifyConnection(captured, ports);
    const identified = identifying instanceof Promise ? await identifying : identifying;
    record.add({ namespace: identified.workload.namespace, pod: identified.workload.name });

    // Before a name is read: a client that keeps us waiting for one must not do so a thousand times.
    slot = limit.take(identified);

    const naming = nameConnection(identified, ports);
    const named = naming instanceof Promise ? await naming : naming;
    record.add({ host: named.host });

    const decided = decideConnection(named, record);
    result = await takeRoute(decided, record, ports);
    // Only what was reached is an upstream; one that was not is in the reason.
    record.add({ upstream: upstreamOf(decided.route) });
  } catch (error) {
    result = { sentBytes: 0, receivedBytes: 0, error: asLeatError(error) };
  } finally {
    slot?.[Symbol.dispose]();
  }
  record.end(result);
  downstream.reset();
}
