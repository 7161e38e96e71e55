// SPDX-License-Identifier: Apache-2.0
/**
 * The system calls that Node has no API for. Every function throws a {@link NativeError} where the kernel refuses; none
 * guesses. They run on the calling thread and don't wait on peers. README.md says why they are native.
 */
import type { Endpoint, Family, IpAddress } from '../net/endpoint.ts';
import { loadBinding } from './load.ts';

/** What is thrown: `code` as in errno(3), `errno` negative, `syscall` the call that failed, as in Node's own errors. */
export interface NativeError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
}

/** Whether the kernel refused, by an error of this module or of Node. */
export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && 'code' in error && 'errno' in error && 'syscall' in error;
}

interface Binding {
  originalDestination(fd: number): Endpoint;
  originalServer(local: Endpoint, peer: Endpoint, protocolNumber: number): Endpoint;
  linkChanges(): number;
  linkArrivals(): number;
  linkArrivalOf(endpoint: Endpoint): number;
  createNetworkNamespace(): number;
  tcpSocketInNamespace(namespaceFd: number, family: Family): number;
  beginConnect(fd: number, endpoint: Endpoint): void;
}

const binding = loadBinding<Binding>();

/** IANA protocol numbers, as conntrack keeps them. */
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/**
 * Where the TCP connection of descriptor `fd` was going before this namespace's nat table changed it: SO_ORIGINAL_DST at
 * SOL_IP, or IP6T_SO_ORIGINAL_DST at SOL_IPV6, chosen by the peer's family (a v4-mapped peer means SOL_IP). A connection
 * that conntrack knows and nobody redirected gives its own local address.
 *
 * @throws NativeError ENOENT: conntrack does not know it; ENOTCONN; ENOTSOCK; EBADF
 * @see getsockopt(2), ip(7), linux/netfilter_ipv4.h
 */
export function originalDestination(fd: number): Endpoint {
  return binding.originalDestination(fd);
}

/**
 * The server that a captured query was sent to, asked of conntrack by the tuple of its replies: `local` is the address
 * and port it arrived at, `peer` its sender. One ctnetlink GET in the default zone (where `CT --zone-orig` leaves the
 * replies). Needs CAP_NET_ADMIN.
 *
 * @throws NativeError ENOENT: no such flow; EPERM; ETIMEDOUT after 200 ms
 * @see linux/netfilter/nfnetlink_conntrack.h, netlink(7)
 */
export function originalServer(flow: { local: Endpoint; peer: Endpoint }, protocol: 'udp' | 'tcp'): Endpoint {
  return binding.originalServer(flow.local, flow.peer, PROTOCOL_NUMBERS[protocol]);
}

/**
 * How many links (network interfaces) of this namespace have come and gone since the first look. One system call, that
 * waits for nothing: between two equal answers no link changed.
 *
 * @throws NativeError EMFILE, ENOMEM
 * @see rtnetlink(7), RTMGRP_LINK
 */
export function linkChanges(): number {
  return binding.linkChanges();
}

/** How many links have come since the first look. @throws NativeError as {@link linkChanges} */
export function linkArrivals(): number {
  return binding.linkArrivals();
}

/**
 * The how manieth arrival the link was that packets to the address leave by now, 0 where it was there at the first look: the
 * interface of its route; where that is a bridge, the port of its forwarding entry.
 *
 * @throws NativeError ENETUNREACH; ENOENT: the bridge knows no such neighbour; EOPNOTSUPP before Linux 5.0
 */
export function linkArrivalOf(address: IpAddress): number {
  return binding.linkArrivalOf({ address, port: 0 });
}

/**
 * Makes a network namespace that lives while the returned descriptor, or a socket made in it, is open. Close it with
 * `fs.closeSync`. Needs CAP_SYS_ADMIN.
 *
 * @see unshare(2), network_namespaces(7)
 */
export function createNetworkNamespace(): number {
  return binding.createNetworkNamespace();
}

/**
 * A nonblocking TCP socket that belongs to the namespace; the calling thread does not move there. Needs CAP_SYS_ADMIN.
 * The caller owns the descriptor.
 *
 * @see setns(2)
 */
export function tcpSocketInNamespace(namespaceFd: number, family: Family): number {
  return binding.tcpSocketInNamespace(namespaceFd, family);
}

/**
 * Begins to connect a nonblocking socket and returns at once; `new net.Socket({ fd })` then tells how it went on.
 *
 * @throws NativeError ENETUNREACH, EADDRNOTAVAIL, ...: refused at once
 * @see connect(2)
 */
export function beginConnect(fd: number, endpoint: Endpoint): void {
  binding.beginConnect(fd, endpoint);
}
