// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { Tunnel } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { DialDirect } from '../net/dial.ts';
import type { startTls as StartTls } from '../net/start-tls.ts';

export type Endpoint = Tunnel['endpoints'][number];

export interface EndpointPorts {
  /** To the tunnel's own endpoints: these are the administrator's and may be in the cluster. */
  readonly dialEndpoint: DialDirect;
  readonly startTls: typeof StartTls;
}

/** A connection to one endpoint of a tunnel. */
export interface TunnelSession {
  readonly socket: Socket;
  /** `tunnel onprem (10.0.0.9 port 1080)`: for messages. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** `tunnel onprem (10.0.0.9 port 1080)`: for messages. */
export function tunnelName({ name }: Pick<Tunnel, 'name'>, { host, port }: Endpoint): string {
  return `tunnel ${name} (${host} port ${port})`;
}

/** Connected, and secured where the Tunnel says so; on failure nothing is left open. @throws TUNNEL_*, or the signal's reason */
export async function connectEndpoint(
  { dialEndpoint, startTls }: EndpointPorts,
  tunnel: Tunnel,
  { host, port }: Endpoint,
  signal: AbortSignal,
): Promise<TunnelSession> {
  const name = tunnelName(tunnel, { host, port });
  try {
    const socket = await dialEndpoint({ host, port, timeoutMs: tunnel.connectTimeoutMs }, signal);
    if (tunnel.tls === null) return { socket, name, signal };
    const { serverName, ca } = tunnel.tls;
    const limits = { timeoutMs: tunnel.handshakeTimeoutMs, signal };
    return { socket: await startTls(socket, { serverName: serverName ?? host, ca }, limits), name, signal };
  } catch (error) {
    throw asTunnelError(name, error);
  }
}

/** What fails on the way to an endpoint is the tunnel's failure, not the target's. */
export function asTunnelError(name: string, error: unknown): unknown {
  if (!(error instanceof LeatError) || !error.code.startsWith('UPSTREAM_')) return error;
  const code = error.code === 'UPSTREAM_CONNECT_TIMEOUT' ? 'TUNNEL_TIMEOUT' : 'TUNNEL_UNREACHABLE';
  return new LeatError(code, `${name} can not be reached: ${error.message}`, { cause: error });
}
