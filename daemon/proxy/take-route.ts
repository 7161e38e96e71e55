// SPDX-License-Identifier: Apache-2.0
import { normaliseHost } from '../destination/host-pattern.ts';
import { LeatError } from '../errors/leat-error.ts';
import { hostMatches } from '../routing/host-matches.ts';
import type { Route, TcpRoute, TlsRoute, Upstream } from '../routing/route.ts';
import type { DecidedConnection } from './decide-connection.ts';
import { followRoute } from './follow-route.ts';
import type { ConnectionRecord, ProxyPorts, RelayResult } from './ports.ts';

/** Carries the decision out and resolves with what was moved. @throws what kept the upstream from being reached. */
export async function takeRoute(
  decided: DecidedConnection,
  record: ConnectionRecord,
  ports: ProxyPorts,
): Promise<RelayResult> {
  const { route, downstream, workload } = decided;
  record.add({ route: routeName(route), destination: destinationOf(route) });
  switch (route.kind) {
    case 'http':
      return ports.serveHttp(downstream.socket(), route, {
        workload,
        startRequest: record.startRequest,
        currentRoute: followRoute(decided, route, ports.snapshots),
        signal: ports.signal,
      });
    case 'tls':
      await checkServerName(route, decided, ports);
      return passThrough(route, decided, record, ports);
    case 'tcp':
      return passThrough(route, decided, record, ports);
  }
}

/** A ClientHello that names another host would take the Destination's tunnel or permission to a target of its own. */
async function checkServerName(
  route: TlsRoute,
  { downstream, host }: DecidedConnection,
  ports: ProxyPorts,
): Promise<void> {
  const { serverName } = await ports.readClientHello(downstream.socket());
  const isOwn =
    serverName !== null &&
    (hostMatches(route.destination, host, serverName) || route.names?.includes(normaliseHost(serverName)) === true);
  if (!isOwn) {
    throw new LeatError(
      'SERVER_NAME_MISMATCH',
      `the client asked for ${serverName ?? 'no server name'}, which is no host of ${route.destination.id}`,
    );
  }
}

async function passThrough(
  route: TcpRoute | TlsRoute,
  { downstream }: DecidedConnection,
  record: ConnectionRecord,
  ports: ProxyPorts,
): Promise<RelayResult> {
  const { upstream, idleTimeoutMs } = route;
  const result = await ports.forward(downstream, upstream, { idleTimeoutMs }, ports.signal);
  // Only what was reached is an upstream; one that was not is in the reason.
  record.add({ upstream: upstreamName(upstream) });
  return result;
}

/** `tcp`, `tls`, `http`, or the same through a tunnel of a protocol: `socks5/tcp`, `httpForward/http`. */
function routeName(route: Route): string {
  const via = route.kind === 'http' ? route.targets[0]?.upstream.via : route.upstream.via;
  return via === undefined || via.kind === 'direct' ? route.kind : `${via.kind}/${route.kind}`;
}

/** The Destination that decided; for http, where each request may choose, the first one. */
function destinationOf(route: Route): string | null {
  const destination = route.kind === 'http' ? route.targets[0]?.destination : route.destination;
  return destination?.id ?? null;
}

function upstreamName({ host, port, via }: Upstream): string {
  return via.kind === 'direct' ? `${host}:${port}` : `${host}:${port} through ${via.tunnel.name}`;
}
