// SPDX-License-Identifier: Apache-2.0
import type { AdmittedRequest } from './admit-request.ts';

/** What a record says of where a request goes. */
export function targetFacts({ target: { destination, upstream, tls, lookup }, authentication }: AdmittedRequest) {
  const { host, port, via } = upstream;
  return {
    destination: destination.id,
    upstream: via.kind === 'direct' ? `${host}:${port}` : `${host}:${port} through ${via.tunnel.name}`,
    upstreamTls: tls !== null,
    authentication: authentication.type,
    ...(lookup === undefined ? {} : { entry: lookup.name }),
    ...(lookup?.tenant == null ? {} : { tenant: lookup.tenant.value }),
  };
}
