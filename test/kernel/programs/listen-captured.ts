// SPDX-License-Identifier: Apache-2.0
/** Accepts redirected connections as the daemon does and tells each client where it was going, or the code of the refusal. */

import { listenForCaptured } from '../../../daemon/capture/listen-for-captured.ts';
import { createReadOriginalDestination } from '../../../daemon/capture/original-destination.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { formatEndpoint } from '../../../daemon/net/endpoint.ts';

const [port = '', ...ownAddresses] = process.argv.slice(2);
const readOriginalDestination = createReadOriginalDestination(ownAddresses);
await listenForCaptured({
  port: Number(port),
  ipv6: true,
  onConnection: (downstream) => {
    downstream.on('error', () => undefined);
    try {
      downstream.end(formatEndpoint(readOriginalDestination(downstream)));
    } catch (error) {
      downstream.end(error instanceof LeatError ? error.code : String(error));
    }
    downstream.resume();
  },
  onError: (error) => {
    throw error;
  },
});
console.log('listening');
