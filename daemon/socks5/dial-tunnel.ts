// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { OAuth2Client, Tunnel } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { DialDirect } from '../net/dial.ts';
import type { startTls as StartTls } from '../net/start-tls.ts';
import type { Upstream } from '../routing/route.ts';
import { ATYP_IPV6, type TargetAddress, targetAddress } from './socks5-address.ts';
import { authenticate, requestConnect, type TunnelCredential, type TunnelSession } from './socks5-handshake.ts';

export interface TunnelDialPorts {
  /** To the tunnel's own endpoints: these are the administrator's and may be in the cluster. */
  readonly dialEndpoint: DialDirect;
  readonly startTls: typeof StartTls;
  /** `refresh`: the last token was refused, another one is needed. @throws CREDENTIAL_* */
  readonly tokenFor: (
    client: OAuth2Client,
    options: { readonly refresh: boolean },
    signal: AbortSignal,
  ) => Promise<Secret>;
}

/**
 * A connection to the target through the tunnel of `upstream.via`: half-open allowed, paused, early bytes of the target
 * unshifted. Endpoints are tried in turn, beginning with the one that worked last; each step has its own deadline.
 * @throws TUNNEL_*, CREDENTIAL_*, SECRET_INVALID, DESTINATION_NOT_READY, or the signal's reason
 */
export type DialTunnel = (upstream: Upstream, signal: AbortSignal) => Promise<Socket>;

type Via = Extract<Upstream['via'], { kind: 'socks5' }>;
type Endpoint = Tunnel['endpoints'][number];

export function createTunnelDial(ports: TunnelDialPorts): DialTunnel {
  const preferred = new WeakMap<Tunnel, number>();

  const dialOnce = async (upstream: Upstream, via: Via, refresh: boolean, signal: AbortSignal): Promise<Socket> => {
    const { tunnel } = via;
    const target = admitTarget(upstream.host, via);
    const credential = await credentialFor(via, refresh, ports.tokenFor, signal);
    const first = preferred.get(tunnel) ?? 0;
    let failure: LeatError | null = null;
    for (let turn = 0; turn < tunnel.endpoints.length; turn++) {
      const index = (first + turn) % tunnel.endpoints.length;
      const endpoint = tunnel.endpoints[index] as Endpoint;
      const session = await openSession(ports, tunnel, endpoint, credential, signal).catch((error: unknown) => {
        // Another endpoint would refuse the same credential.
        if (!(error instanceof LeatError) || error.code === 'TUNNEL_AUTHENTICATION' || signal.aborted) throw error;
        failure ??= error;
        return null;
      });
      if (session === null) continue;
      preferred.set(tunnel, index);
      try {
        await requestConnect(session, target, upstream.port, {
          dialect: credential.type === 'SapJwt' ? 'sap' : 'rfc1928',
          // The far end dials within this step: it gets the time that a direct dial would have.
          timeoutMs: Math.max(tunnel.handshakeTimeoutMs, upstream.connectTimeoutMs),
        });
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
    if (via.kind !== 'socks5') throw new LeatError('INTERNAL', `${upstream.host} is not reached through a tunnel`);
    try {
      return await dialOnce(upstream, via, false, signal);
    } catch (error) {
      const mayRefresh = via.tunnel.authentication.type === 'SapJwt' && error instanceof LeatError;
      if (!mayRefresh || error.code !== 'TUNNEL_AUTHENTICATION') throw error;
      return dialOnce(upstream, via, true, signal);
    }
  };
}

/** @throws TUNNEL_ADDRESS_UNSUPPORTED, DESTINATION_NOT_READY: before anything is sent. */
export function admitTarget(host: string, { tunnel, locationId }: Via): TargetAddress {
  const target = targetAddress(host);
  const isSap = tunnel.authentication.type === 'SapJwt';
  if (isSap && target.type === ATYP_IPV6) {
    throw new LeatError(
      'TUNNEL_ADDRESS_UNSUPPORTED',
      `tunnel ${tunnel.name} takes host names and IPv4 addresses only (SAP method 0x80), not ${host}`,
    );
  }
  if (!isSap && locationId !== null) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      `tunnel ${tunnel.name} can not carry a location id: only authentication.type SapJwt does`,
    );
  }
  return target;
}

/** Before the endpoint is dialled: a tunnel's connection must not wait for a token service. */
async function credentialFor(
  { tunnel: { authentication }, locationId }: Via,
  refresh: boolean,
  tokenFor: TunnelDialPorts['tokenFor'],
  signal: AbortSignal,
): Promise<TunnelCredential> {
  if (authentication.type !== 'SapJwt') return authentication;
  return { type: 'SapJwt', token: await tokenFor(authentication.client, { refresh }, signal), locationId };
}

/** `tunnel onprem (10.0.0.9 port 1080)`: for messages. */
export function tunnelName(tunnel: Tunnel, { host, port }: Endpoint): string {
  return `tunnel ${tunnel.name} (${host} port ${port})`;
}

/** Connected, secured, authenticated; on failure nothing is left open. */
async function openSession(
  { dialEndpoint, startTls }: TunnelDialPorts,
  tunnel: Tunnel,
  { host, port }: Endpoint,
  credential: TunnelCredential,
  signal: AbortSignal,
): Promise<TunnelSession> {
  const name = tunnelName(tunnel, { host, port });
  let socket: Socket | null = null;
  try {
    socket = await dialEndpoint({ host, port, timeoutMs: tunnel.connectTimeoutMs }, signal);
    if (tunnel.tls !== null) {
      const { serverName, ca } = tunnel.tls;
      const limits = { timeoutMs: tunnel.handshakeTimeoutMs, signal };
      socket = await startTls(socket, { serverName: serverName ?? host, ca }, limits);
    }
    const session = { socket, name, signal };
    await authenticate(session, credential, tunnel.handshakeTimeoutMs);
    return session;
  } catch (error) {
    socket?.destroy();
    throw asTunnelError(name, error);
  }
}

/** What fails on the way to an endpoint is the tunnel's failure, not the target's. */
export function asTunnelError(name: string, error: unknown): unknown {
  if (!(error instanceof LeatError) || !error.code.startsWith('UPSTREAM_')) return error;
  const code = error.code === 'UPSTREAM_CONNECT_TIMEOUT' ? 'TUNNEL_TIMEOUT' : 'TUNNEL_UNREACHABLE';
  return new LeatError(code, `${name} can not be reached: ${error.message}`, { cause: error });
}
