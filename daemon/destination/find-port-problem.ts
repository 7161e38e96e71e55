// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { Destination, DestinationPort } from './destination.ts';
import { Secret } from './secret.ts';

/**
 * Why a port of a Destination can't be served as it is written, or null: its references can't be resolved, its credential
 * can't be applied to what passes through, or would go out in clear. Such a connection is refused, never sent without.
 */
export function findPortProblem(
  destination: Destination,
  { port, protocol, upstream }: DestinationPort,
): LeatError | null {
  const { id, resolved, allowCleartext } = destination;
  if (!resolved.ready) return new LeatError(resolved.problem.code, `${id}: ${resolved.problem.message}`);
  const notReady = (why: string): LeatError => new LeatError('DESTINATION_NOT_READY', `${id}, port ${port}: ${why}`);
  const { type } = resolved.authentication;
  if (protocol !== 'http') {
    if (upstream.tls !== null) return notReady(`upstream.tls needs protocol http, not ${protocol}`);
    if (type !== 'None')
      return notReady(`authentication ${type} can't be applied to ${protocol}, which passes through`);
    if (hasSecretField(destination)) return notReady(`headers and queries can't be applied to ${protocol}`);
    return null;
  }
  if (upstream.tls !== null) return null;
  if (type === 'ClientCertificate') return notReady('authentication ClientCertificate needs upstream.tls');
  if (!allowCleartext && (type !== 'None' || hasSecretField(destination))) {
    return new LeatError(
      'CLEARTEXT_REFUSED',
      `${id}, port ${port}: the credential would go out in clear: give upstream.tls, or say allowCleartext`,
    );
  }
  return null;
}

function hasSecretField({ headers, queries }: Destination): boolean {
  return [...headers, ...queries].some(({ value }) => value instanceof Secret);
}
