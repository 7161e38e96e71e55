// SPDX-License-Identifier: Apache-2.0
import { createRefuseSelfCall } from '../capture/original-destination.ts';
import type { SelfTest } from '../capture/self-test.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { ConnectionTracker } from '../lifecycle/connection-tracker.ts';
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint, IpAddress } from '../net/endpoint.ts';
import { EngineDownstream } from '../relay/engine-downstream.ts';
import type { NativeRelayer } from '../relay/native-relay.ts';

export interface CapturedParts {
  /** Leat's addresses on `lo`. */
  readonly ownAddresses: readonly IpAddress[];
  readonly selfTest: Pick<SelfTest, 'expects' | 'takes'>;
  readonly tracker: ConnectionTracker;
  /** Never rejects; resolves when the connection is done. */
  readonly handle: (downstream: Downstream) => Promise<void>;
}

export interface CapturedConnections {
  /** Takes what the engine accepted. */
  accept(downstream: EngineDownstream): void;
  /** @throws ORIGINAL_DESTINATION_UNREADABLE, SELF_CALL */
  originalDestinationOf(downstream: Downstream): Endpoint;
  /**
   * Listens on 0.0.0.0 and [::] apart: on one dual-stack socket IPv4 clients would show up as mapped addresses, and a node
   * without IPv6 would have no listener at all.
   * @returns the port @throws NativeError EADDRINUSE where another daemon runs on the node
   */
  listen(relayer: Pick<NativeRelayer, 'listen'>, port: number, ipv6: boolean): number;
}

/** Open connections; what comes beyond is reset. */
const MAX_CONNECTIONS = 20_000;

/** Takes redirected connections from the engine to their story. */
export function acceptCaptured({ ownAddresses, selfTest, tracker, handle }: CapturedParts): CapturedConnections {
  const refuseSelfCall = createRefuseSelfCall(ownAddresses);
  let capturePort = 0;
  return {
    accept(downstream) {
      if (tracker.size >= MAX_CONNECTIONS) {
        downstream.reset();
        return;
      }
      if (selfTest.expects(downstream.peer.address) && selfTest.takes(downstream.socket())) return;
      tracker.track(downstream, handle(downstream));
    },
    originalDestinationOf(downstream) {
      if (!(downstream instanceof EngineDownstream)) throw new LeatError('INTERNAL', 'not a connection of the engine');
      const original = downstream.originalDestination();
      refuseSelfCall(original, capturePort);
      return original;
    },
    listen(relayer, port, ipv6) {
      capturePort = relayer.listen({ address: '0.0.0.0', port });
      if (ipv6) relayer.listen({ address: '::', port: capturePort });
      return capturePort;
    },
  };
}
