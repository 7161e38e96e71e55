// SPDX-License-Identifier: Apache-2.0
import { type CaptureListener, listenForCaptured } from '../capture/listen-for-captured.ts';
import { readFromKernel } from '../capture/original-destination.ts';
import type { Config } from '../config/config.ts';
import { type Downstream, socketDownstream } from '../net/downstream.ts';
import { createNativeRelayer } from '../relay/native-relay.ts';
import type { Relayer } from '../relay/relayer.ts';
import { streamRelay } from '../relay/stream-relay.ts';

/** `--relay`: the engine's threads, or the portable one. `onAccepted` gets every connection, and owns it. */
export function openRelayer(
  { relay, workers }: Pick<Config, 'relay' | 'workers'>,
  onAccepted: (downstream: Downstream) => void,
): Relayer {
  return relay === 'native' ? createNativeRelayer(workers, onAccepted) : createStreamRelayer(onAccepted);
}

/** Everything by Node: it accepts, dials, and moves bytes through its streams, on the one loop. */
function createStreamRelayer(onAccepted: (downstream: Downstream) => void): Relayer {
  let listener: CaptureListener | null = null;
  return {
    relay: streamRelay,
    dial: () => null,
    async listen(port, ipv6) {
      listener = await listenForCaptured({
        port,
        ipv6,
        onConnection: (socket) => onAccepted(socketDownstream(socket, readFromKernel)),
        // As an engine that can't accept: the daemon can't go on without it.
        onError: (error) => {
          throw error;
        },
      });
      return listener.port;
    },
    stopListening: () => listener?.close(),
    // Its relays end with the sockets of their connections.
    cut: () => undefined,
    stop: () => undefined,
  };
}
