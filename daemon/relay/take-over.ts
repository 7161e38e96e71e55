// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { duplicateDescriptor } from '../native/relay-engine.ts';

/** Two sockets that Node has let go of: the caller owns the descriptors. */
export interface TakenPair {
  readonly downstreamFd: number;
  readonly upstreamFd: number;
  /** What Node had read already, by the side it came from. */
  readonly downstreamPrefix: Buffer | null;
  readonly upstreamPrefix: Buffer | null;
}

/**
 * Takes both descriptors over from Node in one turn: stop reading, drain what was read (a socket that was reading keeps
 * what it swallowed after pause()), duplicate, destroy. Never end() or resetAndDestroy(): they would reach the peer.
 *
 * @returns null where they have to stay, and then both are as they were: TLS lives in Node, bytes wait to be written, a
 * socket is gone already, or there are no descriptors to spare (streams need none).
 */
export function takeOver(downstream: Socket, upstream: Socket): TakenPair | null {
  const downstreamHandle = handleOf(downstream);
  const upstreamHandle = handleOf(upstream);
  if (downstreamHandle === null || upstreamHandle === null) return null;
  const descriptors = duplicateBoth(downstreamHandle.fd, upstreamHandle.fd);
  if (descriptors === null) return null;
  return {
    downstreamFd: descriptors[0],
    upstreamFd: descriptors[1],
    downstreamPrefix: letGo(downstream, downstreamHandle),
    upstreamPrefix: letGo(upstream, upstreamHandle),
  };
}

/** The same for one socket. */
export function takeSocket(socket: Socket): { readonly fd: number; readonly prefix: Buffer | null } | null {
  const handle = handleOf(socket);
  if (handle === null) return null;
  try {
    const fd = duplicateDescriptor(handle.fd);
    return { fd, prefix: letGo(socket, handle) };
  } catch {
    return null;
  }
}

interface Handle {
  readonly fd: number;
  readStop(): void;
}

/** `_handle` is not documented; daemon/native/README.md says why it is relied on all the same. */
function handleOf(socket: Socket): Handle | null {
  if (socket instanceof TLSSocket || socket.destroyed || socket.connecting) return null;
  if (socket.writableLength > 0 || socket.writableEnded) return null;
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle;
  const usable = typeof handle?.fd === 'number' && handle.fd >= 0 && typeof handle.readStop === 'function';
  return usable ? (handle as Handle) : null;
}

function duplicateBoth(downstreamFd: number, upstreamFd: number): [number, number] | null {
  let first: number | null = null;
  try {
    first = duplicateDescriptor(downstreamFd);
    return [first, duplicateDescriptor(upstreamFd)];
  } catch {
    if (first !== null) closeSync(first);
    return null;
  }
}

function letGo(socket: Socket, handle: Handle): Buffer | null {
  handle.readStop();
  const chunks: Buffer[] = [];
  for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk);
  socket.destroy();
  return chunks.length > 0 ? Buffer.concat(chunks) : null;
}
