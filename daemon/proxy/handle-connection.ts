// SPDX-License-Identifier: Apache-2.0
/**
 * The way of a connection (ARCHITECTURE.md), from accept to its record. Each stage takes what the stage before it made and adds
 * one fact; whatever fails at any stage ends here, as a reset for the client and a flag in the record.
 *
 * A stage that knows gives its answer at once, and a promise only where it has to wait: most connections are on their way
 * within the turn that accepted them. What the stages made is gone by then: a connection that is open and silent keeps its
 * record, and nothing else.
 */
import { asLeatError } from '../errors/leat-error.ts';
import type { Downstream } from '../net/downstream.ts';
import { acceptConnection } from './accept-connection.ts';
import { captureConnection } from './capture-connection.ts';
import type { ConnectionLimit } from './connection-limit.ts';
import { decideConnection } from './decide-connection.ts';
import { type IdentifiedConnection, identifyConnection } from './identify-connection.ts';
import { nameConnection } from './name-connection.ts';
import type { ConnectionRecord, ProxyPorts, RelayResult } from './ports.ts';
import { takeRoute } from './take-route.ts';
import { whenKnown } from './when-known.ts';

/** Takes a redirected connection to where it belongs. Never rejects; gives it back when it and its record are done. */
export async function handleConnection(
  downstream: Downstream,
  ports: ProxyPorts,
  limit: ConnectionLimit,
): Promise<Downstream> {
  const record = ports.startRecord(downstream.peer);
  let result: RelayResult;
  let slot: Disposable | null = null;
  try {
    result = await carry(downstream, record, ports, (identified) => {
      slot = limit.take(identified);
    });
  } catch (error) {
    result = { sentBytes: 0, receivedBytes: 0, error: asLeatError(error) };
    // Only what was reached is an upstream; one that was not is in the reason.
    record.add({ upstream: undefined });
  }
  (slot as Disposable | null)?.[Symbol.dispose]();
  record.end(result);
  downstream.reset();
  return downstream;
}

/** The stages. Resolves when the connection is over. @throws why it could not be taken where it was going */
function carry(
  downstream: Downstream,
  record: ConnectionRecord,
  ports: ProxyPorts,
  takeSlot: (identified: IdentifiedConnection) => void,
): RelayResult | Promise<RelayResult> {
  const captured = captureConnection(acceptConnection(downstream), ports.readOriginalDestination);
  record.add({ originalDestination: captured.originalDestination });

  const named = whenKnown(identifyConnection(captured, ports), (identified) => {
    record.add({ namespace: identified.workload.namespace, pod: identified.workload.name });
    // Before a name is read: a client that keeps us waiting for one must not do so a thousand times.
    takeSlot(identified);
    return nameConnection(identified, ports);
  });

  return whenKnown(named, (known) => {
    record.add({ host: known.host });
    return takeRoute(decideConnection(known, record), record, ports);
  });
}
