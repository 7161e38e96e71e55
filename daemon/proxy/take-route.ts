// SPDX-License-Identifier: Apache-2.0
import { normaliseHost } from '../destination/host-pattern.ts';
import { LeatError } from '../errors/leat-error.ts';
import { hostMatches } from '../routing/host-matches.ts';
import type { Route, TcpRoute, TlsRoute } from '../routing/route.ts';
import type { DecidedConnection } from './decide-connection.ts';
import { followRoute } from './follow-route.ts';
import type { ConnectionRecord, ProxyPorts, RecordFacts, RelayResult } from './ports.ts';

/** Carries the decision out and resolves with what was moved. @throws what kept the upstream from being reached. */
export function takeRoute(
  decided: DecidedConnection,
  record: ConnectionRecord,
  ports: ProxyPorts,
): Promise<RelayResult> {
  const { route, downstream, workload } = decided;
  record.add(factsOf(route));
  switch (route.kind) {
    case 'http':
      return ports.serveHttp(downstream, route, {
        workload,
        startRequest: (request) => record.startRequest(request),
        currentRoute: followRoute(decided, route, ports.snapshots),
        signal: ports.signal,
      });
    case 'tls':
      return checkServerName(route, decided, ports).then(() => passThrough(route, decided, ports));
    case 'tcp':
      return passThrough(route, decided, ports);
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

function passThrough(
  { upstream, idleTimeoutMs }: TcpRoute | TlsRoute,
  { downstream }: DecidedConnection,
  { forward, signal }: ProxyPorts,
): Promise<RelayResult> {
  return forward(downstream, upstream, { idleTimeoutMs }, signal);
}

/** Told once for each route: its connections are many, and open for long. */
const facts = new WeakMap<Route, RecordFacts>();

function factsOf(route: Route): RecordFacts {
  const known = facts.get(route);
  if (known !== undefined) return known;
  const told = { route: routeName(route), destination: destinationOf(route), upstream: upstreamOf(route) };
  facts.set(route, told);
  return told;
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

/** What a connection that is passed through is relayed to; requests of http have an upstream each. */
function upstreamOf(route: Route): string | null {
  if (route.kind === 'http') return null;
  const { host, port, via } = route.upstream;
  return via.kind === 'direct' ? `${host}:${port}` : `${host}:${port} through ${via.tunnel.name}`;
}
