// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { Authentication, Tunnel } from '../destination/destination.ts';
import type { HttpTarget } from '../routing/route.ts';
import type { Workload } from '../workload/workload.ts';

/**
 * What two requests must share to share a connection. The workload is in it because some schemes authenticate the
 * connection and not the request (NTLM, Negotiate): on a shared one, the next pod would speak as the last. Credentials
 * of the connection itself (client certificate, tunnel) are in it, so that a rotated one gets a new connection.
 */
export function upstreamKey(target: HttpTarget, authentication: Authentication, workload: Workload): string {
  let digest = digests.get(target);
  if (digest === undefined) {
    digest = digestOf(target, authentication);
    digests.set(target, digest);
  }
  return `${workload.uid} ${digest}`;
}

/** Targets do not change; a connection has its own, and asks again with each request. */
const digests = new WeakMap<HttpTarget, string>();

function digestOf({ destination, upstream, tls }: HttpTarget, authentication: Authentication): string {
  const { via } = upstream;
  const certificate =
    authentication.type === 'ClientCertificate' ? [authentication.certificate, authentication.key.reveal()] : null;
  const facts = [
    destination.id,
    upstream.host,
    upstream.port,
    via.kind === 'direct' ? null : [via.locationId, tunnelFacts(via.tunnel)],
    tls === null ? null : [tls.serverName, tls.ca],
    certificate,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
}

function tunnelFacts({ name, endpoints, tls, authentication }: Tunnel): unknown[] {
  switch (authentication.type) {
    case 'None':
      return [name, endpoints, tls];
    case 'UserPassword':
      return [name, endpoints, tls, authentication.username.reveal(), authentication.password.reveal()];
    case 'SapJwt': {
      const { clientId, clientSecret, ...rest } = authentication.client;
      return [name, endpoints, tls, clientId.reveal(), clientSecret.reveal(), rest];
    }
  }
}
