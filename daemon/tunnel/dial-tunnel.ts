// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { Tunnel } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { TunnelVia, Upstream } from '../routing/route.ts';
import { connectEndpoint, type Endpoint, type EndpointPorts, type TunnelSession } from './endpoint.ts';
import { prepareHttpConnect } from './http-connect.ts';
import type { GetToken, Passage, TokenFor } from './passage.ts';
import { prepareSocks5 } from './socks5-passage.ts';

export interface TunnelDialPorts extends EndpointPorts {
  readonly tokenFor: TokenFor;
}

/**
 * A connection through the tunnel of `upstream.via`: half-open allowed, paused, early bytes of the target unshifted. It
 * ends at the target; with `httpForward`, at the proxy, which each request then tells the target.
 * Endpoints are tried in turn, beginning with the one that worked last; each step has its own deadline.
 * @throws TUNNEL_*, CREDENTIAL_*, SECRET_INVALID, DESTINATION_NOT_READY, or the signal's reason
 */
export type DialTunnel = (upstream: Upstream, signal: AbortSignal) => Promise<Socket>;

/** Asks the endpoint first that answered last; a token that a tunnel refuses is fetched anew once. */
export function createTunnelDial(ports: TunnelDialPorts): DialTunnel {
  const preferred = new WeakMap<Tunnel, number>();

  const dialOnce = async (
    upstream: Upstream,
    via: TunnelVia,
    refresh: boolean,
    signal: AbortSignal,
  ): Promise<Socket> => {
    const { tunnel } = via;
    // Before the endpoint is dialled: a tunnel's connection must not wait for a token service.
    const passage = await prepare(upstream, via, (client) => ports.tokenFor(client, { refresh }, signal));
    const first = preferred.get(tunnel) ?? 0;
    let failure: LeatError | null = null;
    for (let turn = 0; turn < tunnel.endpoints.length; turn++) {
      const index = (first + turn) % tunnel.endpoints.length;
      const endpoint = tunnel.endpoints[index] as Endpoint;
      const session = await openSession(ports, tunnel, endpoint, passage, signal).catch((error: unknown) => {
        // Another endpoint would refuse the same credential.
        if (!(error instanceof LeatError) || error.code === 'TUNNEL_AUTHENTICATION' || signal.aborted) throw error;
        failure ??= error;
        return null;
      });
      if (session === null) continue;
      preferred.set(tunnel, index);
      try {
        await passage.ask(session);
        signal.throwIfAborted();
        return session.socket;
      } catch (error) {
        session.socket.destroy();
        throw error;
      }
    }
    throw failure ?? new LeatError('TUNNEL_UNREACHABLE', `tunnel ${tunnel.name} has no endpoints`);
  };

  return async (upstream, signal) => {
    const { via } = upstream;
    if (via.kind === 'direct') throw new LeatError('INTERNAL', `${upstream.host} is not reached through a tunnel`);
    try {
      return await dialOnce(upstream, via, false, signal);
    } catch (error) {
      const mayRefresh = 'client' in via.tunnel.authentication && error instanceof LeatError;
      if (!mayRefresh || error.code !== 'TUNNEL_AUTHENTICATION') throw error;
      return dialOnce(upstream, via, true, signal);
    }
  };
}

function prepare(upstream: Upstream, via: TunnelVia, token: GetToken): Promise<Passage> | Passage {
  switch (via.kind) {
    case 'socks5':
      return prepareSocks5(upstream, via, token);
    case 'httpConnect':
      return prepareHttpConnect(upstream, via, token);
    case 'httpForward':
      return { introduce: async () => {}, ask: async () => {} };
  }
}

/** On failure nothing is left open. */
async function openSession(
  ports: EndpointPorts,
  tunnel: Tunnel,
  endpoint: Endpoint,
  passage: Passage,
  signal: AbortSignal,
): Promise<TunnelSession> {
  const session = await connectEndpoint(ports, tunnel, endpoint, signal);
  try {
    await passage.introduce(session);
    return session;
  } catch (error) {
    session.socket.destroy();
    throw error;
  }
}
