// SPDX-License-Identifier: Apache-2.0
/**
 * The way of a connection (DESIGN §2), from accept to its record. Each stage takes what the stage before it made and adds
 * one fact; whatever fails at any stage ends here, as a reset for the client and a flag in the record.
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
import { takeRoute } from './take-route.ts';

/** Takes a redirected connection to where it belongs. Never rejects; resolves when the connection and its record are done. */
export async function handleConnection(
  downstream: Downstream,
  ports: ProxyPorts,
  limit: ConnectionLimit,
): Promise<void> {
  const accepted = acceptConnection(downstream);
  const record = ports.startRecord(accepted.peer);
  const result = await deliver();
  record.end(result);
  downstream.reset();

  async function deliver(): Promise<RelayResult> {
    try {
      const captured = captureConnection(accepted, ports.readOriginalDestination);
      record.add({ originalDestination: captured.originalDestinationText });

      const identified = await identifyConnection(captured, ports);
      record.add({ namespace: identified.workload.namespace, pod: identified.workload.name });

      // Before a name is read: a client that keeps us waiting for one must not do so a thousand times.
      using _slot = limit.take(identified);

      const named = await nameConnection(identified, ports);
      record.add({ host: named.host });

      const decided = decideConnection(named, record);
      return await takeRoute(decided, record, ports);
    } catch (error) {
      return { sentBytes: 0, receivedBytes: 0, error: asLeatError(error) };
    }
  }
}
