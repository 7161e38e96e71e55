// SPDX-License-Identifier: Apache-2.0
import type { ServiceEntry } from '../../daemon/destination/service-entry.ts';

/** Of a Destination service: `http://HOST/` by TLS, without authentication; what is given replaces. */
export function serviceEntry(host: string, overrides: Partial<ServiceEntry> = {}): ServiceEntry {
  const upstream = { host, port: 443, pathPrefix: '', tls: { serverName: null, ca: null } };
  return {
    host,
    ports: [{ port: 80, protocol: 'http', upstream }],
    proxyType: 'Internet',
    locationId: null,
    trustsAll: false,
    authentication: { type: 'None' },
    headers: [],
    queries: [],
    connectTimeoutMs: null,
    responseTimeoutMs: null,
    ...overrides,
  };
}
