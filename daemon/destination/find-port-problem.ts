// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { Destination, DestinationPort } from './destination.ts';
import { Secret } from './secret.ts';

/**
 * Why a port of a Destination can't be served as it is written, or null: its references can't be resolved, its credential
 * can't be applied, or would go out in clear. Such a connection is refused, never sent without.
 *
 * Ports of other protocols may stand beside an http port: their bytes pass with whatever the application put in them. A
 * tunnel is not asked for TLS: what stands at its far end originates that itself.
 */
export function findPortProblem(
  destination: Destination,
  { port, protocol, upstream }: DestinationPort,
): LeatError | null {
  const { resolved, allowCleartext } = destination;
  if (!resolved.ready) return resolved.problem;
  const notReady = (why: string): LeatError => new LeatError('DESTINATION_NOT_READY', `port ${port}: ${why}`);
  const { type } = resolved.authentication;
  const hasCredential = type !== 'None' || hasSecretField(destination);
  if (protocol !== 'http') {
    if (upstream.tls !== null) return notReady(`upstream.tls needs protocol http, not ${protocol}`);
    const canBeApplied = destination.ports.some((other) => other.protocol === 'http');
    return hasCredential && !canBeApplied ? notReady(`its credential can't be applied to ${protocol}`) : null;
  }
  if (upstream.tls !== null) return null;
  if (type === 'ClientCertificate') return notReady('authentication ClientCertificate needs upstream.tls');
  if (hasCredential && !allowCleartext && resolved.route.type === 'internet') {
    return new LeatError(
      'CLEARTEXT_REFUSED',
      `port ${port}: the credential would go out in clear: give upstream.tls, or say allowCleartext`,
    );
  }
  return null;
}

function hasSecretField({ headers, queries }: Destination): boolean {
  return [...headers, ...queries].some(({ value }) => value instanceof Secret);
}
