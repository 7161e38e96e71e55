// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { LeatError } from '../errors/leat-error.ts';
import { isNativeError, originalDestination } from '../native/index.ts';
import { type Endpoint, formatEndpoint, type IpAddress, parseIpAddress } from '../net/endpoint.ts';

/**
 * Makes the reader of original destinations. `ownAddresses` are Leat's addresses on `lo`: nothing behind them is a target.
 *
 * The reader throws ORIGINAL_DESTINATION_UNREADABLE where the kernel does not tell (it is never guessed), and SELF_CALL
 * where the client asked for Leat itself: taken there, the connection would come back for ever.
 */
export function createReadOriginalDestination(ownAddresses: readonly IpAddress[]): (downstream: Socket) => Endpoint {
  const refuseSelfCall = createRefuseSelfCall(ownAddresses);
  return (downstream) => {
    const original = readFromKernel(downstream);
    refuseSelfCall(original, downstream.localPort ?? 0);
    return original;
  };
}

/** The half of it for who knows the original destination already, and the port on which the connection came in. */
export function createRefuseSelfCall(
  ownAddresses: readonly IpAddress[],
): (original: Endpoint, localPort: number) => void {
  const own = new Set(ownAddresses);
  return (original, localPort) => {
    // Any address of the node leads to the capture listener; a connection that nobody redirected shows its own.
    if (own.has(original.address) || (original.port === localPort && isLocal(original.address))) {
      throw new LeatError('SELF_CALL', `${formatEndpoint(original)} is Leat itself: the connection was not redirected`);
    }
  };
}

/** What the kernel tells of a TCP connection, whatever it is. @throws ORIGINAL_DESTINATION_UNREADABLE */
export function readFromKernel(socket: Socket): Endpoint {
  const fd = descriptorOf(socket);
  return canonicalOrUnreadable('original destination', () => originalDestination(fd));
}

/** Gives what conntrack told with a canonical address; `what` is named where it fails. @throws ORIGINAL_DESTINATION_UNREADABLE where it told nothing */
export function canonicalOrUnreadable(what: string, ask: () => Endpoint): Endpoint {
  try {
    const { address, port } = ask();
    const canonical = parseIpAddress(address);
    if (canonical === null) throw unreadable(what, `the kernel told "${address}", which is no address`);
    return { address: canonical, port };
  } catch (error) {
    if (!isNativeError(error)) throw error;
    const cause = error.code === 'ENOENT' ? 'conntrack does not know the connection' : error.message;
    throw unreadable(what, cause, error);
  }
}

/** `_handle` is not documented; daemon/native/README.md says why it is relied on all the same. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = '_handle' in socket ? socket._handle : null;
  const fd = typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : -1;
  if (typeof fd !== 'number' || fd < 0) throw unreadable('original destination', 'the connection is closed already');
  return fd;
}

function isLocal(address: IpAddress): boolean {
  const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return interfaces.some((entry) => parseIpAddress(entry.address) === address);
}

function unreadable(what: string, reason: string, cause?: unknown): LeatError {
  return new LeatError('ORIGINAL_DESTINATION_UNREADABLE', `${what} can not be read: ${reason}`, { cause });
}
