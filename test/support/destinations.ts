// SPDX-License-Identifier: Apache-2.0
import type { Destination, DestinationPort } from '../../daemon/destination/destination.ts';
import type { HttpRoute, HttpTarget } from '../../daemon/routing/route.ts';
import type { Workload } from '../../daemon/workload/workload.ts';

/** A Destination for http tests: `erp.corp` on port 80, no authentication; what is given replaces. */
export function httpDestination(overrides: Partial<Destination> = {}): Destination {
  return {
    id: 'Destination shop/erp',
    namespace: 'shop',
    admitsNamespace: () => true,
    overridable: true,
    createdAtMs: 0,
    hosts: ['erp.corp'],
    paths: ['/'],
    ports: [],
    addresses: 'Synthetic',
    headers: [],
    queries: [],
    connectTimeoutMs: 2000,
    responseTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    retries: { count: 0, statuses: [] },
    workloads: { matchesLabels: null, serviceAccounts: null },
    allowCleartext: true,
    resolved: { ready: true, route: { type: 'internet' }, authentication: { type: 'None' } },
    ...overrides,
  };
}

/** The target of a Destination at an upstream, where `httpDestination` defaults do. */
export function httpTarget(
  destination: Destination,
  {
    host = 'erp.corp',
    port = 80,
    tls = null,
    fixedHost = null,
    pathPrefix = '',
    via = { kind: 'direct' },
  }: {
    readonly host?: string;
    readonly port?: number;
    readonly tls?: HttpTarget['tls'];
    /** `upstream.host` of the Destination. */
    readonly fixedHost?: string | null;
    readonly pathPrefix?: string;
    readonly via?: HttpTarget['upstream']['via'];
  } = {},
): HttpTarget {
  const declared: DestinationPort = {
    port: 80,
    protocol: 'http',
    upstream: { host: fixedHost, port, pathPrefix, tls },
  };
  return {
    pathPrefix: destination.paths[0] ?? '/',
    destination,
    port: declared,
    upstream: { host: fixedHost ?? host, port, via, connectTimeoutMs: destination.connectTimeoutMs },
    tls,
  };
}

export function httpRoute(targets: readonly HttpTarget[], overrides: Partial<HttpRoute> = {}): HttpRoute {
  return { kind: 'http', host: 'erp.corp', port: 80, targets, ...overrides };
}

export const shopWorkload: Workload = {
  uid: 'uid-1',
  namespace: 'shop',
  name: 'web-1',
  serviceAccount: 'default',
  labels: {},
  addresses: ['10.1.0.7'],
  enrolled: true,
};
