// SPDX-License-Identifier: Apache-2.0
/** Where a connection goes, as a value: what the decision says and the proxy carries out. */
import type {
  Destination,
  DestinationPort,
  HttpConnectTunnel,
  HttpForwardTunnel,
  ServiceLookup,
  Socks5Tunnel,
  Tunnel,
  UpstreamTls,
} from '../destination/destination.ts';
import type { LeatError } from '../errors/leat-error.ts';

/** How the upstream is reached. */
export type Via = { readonly kind: 'direct' } | TunnelVia;

/** Through a tunnel; the kind is the tunnel's protocol. */
export type TunnelVia = Socks5Via | HttpConnectVia | HttpForwardVia;

export interface Socks5Via {
  readonly kind: 'socks5';
  readonly tunnel: Socks5Tunnel;
  readonly locationId: string | null;
}

export interface HttpConnectVia {
  readonly kind: 'httpConnect';
  readonly tunnel: HttpConnectTunnel;
}

/** The connection leads to the proxy, and each request on it names its target. */
export interface HttpForwardVia {
  readonly kind: 'httpForward';
  readonly tunnel: HttpForwardTunnel;
  readonly locationId: string | null;
}

/** How a tunnel is gone through. A location id that its protocol can't carry was refused with the Destination. */
export function throughTunnel(tunnel: Tunnel, locationId: string | null): TunnelVia {
  switch (tunnel.protocol) {
    case 'socks5':
      return { kind: 'socks5', tunnel, locationId };
    case 'httpConnect':
      return { kind: 'httpConnect', tunnel };
    case 'httpForward':
      return { kind: 'httpForward', tunnel, locationId };
  }
}

export interface Upstream {
  /** Host name or IP address. In a tunnel a name is resolved at the far end. */
  readonly host: string;
  readonly port: number;
  readonly via: Via;
  readonly connectTimeoutMs: number;
}

/** Bytes are moved as they are. */
export interface TcpRoute {
  readonly kind: 'tcp';
  /** null: a connection that no Destination declares and the default action lets through. */
  readonly destination: Destination | null;
  readonly upstream: Upstream;
  readonly idleTimeoutMs: number;
}

/** TLS of the application, passed through; the ClientHello must name one of the Destination's hosts. */
export interface TlsRoute {
  readonly kind: 'tls';
  readonly destination: Destination;
  readonly upstream: Upstream;
  readonly idleTimeoutMs: number;
  /** Names that the ClientHello may state beside the Destination's hosts: those of its Service. */
  readonly names?: readonly string[];
}

/** HTTP/1.1 requests, each enriched; the path may choose between Destinations of the same host and port. */
export interface HttpRoute {
  readonly kind: 'http';
  /** The name that the application asked for. */
  readonly host: string;
  /** Names that a request may state in its place: those of the Service that was connected to. */
  readonly names?: readonly string[];
  readonly port: number;
  /** The first whose prefix holds the path takes the request: see `selectHttpTarget`, and `listHttpTargets` for the order. */
  readonly targets: readonly HttpTarget[];
}

export interface HttpTarget {
  readonly pathPrefix: string;
  readonly destination: Destination;
  readonly port: DestinationPort;
  readonly upstream: Upstream;
  readonly tls: UpstreamTls | null;
  /** The entry that the request's own headers chose; missing: the Destination says where it goes. */
  readonly lookup?: ServiceLookup;
  /** Why requests for it are refused; its upstream must then not be dialled. `selectHttpTarget` throws it. */
  readonly problem?: LeatError;
}

export type Route = TcpRoute | TlsRoute | HttpRoute;
