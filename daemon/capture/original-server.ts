// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { isNativeError, originalServer } from '../native/index.ts';
import { type Endpoint, formatEndpoint, parseIpAddress } from '../net/endpoint.ts';

/**
 * The DNS server that a client asked before the kernel sent its packet to `local`, read from conntrack.
 * @throws ORIGINAL_DESTINATION_UNREADABLE: the packet was not captured, or the entry is gone
 */
export function readOriginalServer(peer: Endpoint, local: Endpoint, transport: 'udp' | 'tcp'): Endpoint {
  try {
    const { address, port } = originalServer({ local, peer }, transport);
    return { address: parseIpAddress(address) ?? address, port };
  } catch (error) {
    if (!isNativeError(error)) throw error;
    throw new LeatError(
      'ORIGINAL_DESTINATION_UNREADABLE',
      `the server that ${formatEndpoint(peer)} asked can not be read: ${error.message}`,
      { cause: error },
    );
  }
}
