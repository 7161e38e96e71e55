// SPDX-License-Identifier: Apache-2.0
import { createRefuseSelfCall } from '../capture/original-destination.ts';
import type { SelfTest } from '../capture/self-test.ts';
import type { ConnectionTracker } from '../lifecycle/connection-tracker.ts';
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint, IpAddress } from '../net/endpoint.ts';
import type { Relayer } from '../relay/relayer.ts';

export interface CapturedParts {
  /** Leat's addresses on `lo`. */
  readonly ownAddresses: readonly IpAddress[];
  readonly selfTest: Pick<SelfTest, 'expects' | 'takes'>;
  readonly tracker: ConnectionTracker;
  /** Never rejects; gives the connection back when it is done. */
  readonly handle: (downstream: Downstream) => Promise<Downstream>;
}

export interface CapturedConnections {
  /** Takes what the relayer accepted. */
  accept(downstream: Downstream): void;
  /** @throws ORIGINAL_DESTINATION_UNREADABLE, SELF_CALL */
  originalDestinationOf(downstream: Downstream): Endpoint;
  /** Begins to accept. @returns the port @throws the system's error: EADDRINUSE where another daemon runs on the node */
  listen(relayer: Pick<Relayer, 'listen'>, port: number, ipv6: boolean): Promise<number>;
}

/** Open connections; what comes beyond is reset. */
const MAX_CONNECTIONS = 20_000;

/** Takes redirected connections to their story. */
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
      const original = downstream.originalDestination();
      refuseSelfCall(original, capturePort);
      return original;
    },
    async listen(relayer, port, ipv6) {
      capturePort = await relayer.listen(port, ipv6);
      return capturePort;
    },
  };
}
