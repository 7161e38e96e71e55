// SPDX-License-Identifier: Apache-2.0
import type { Authentication, Destination } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { HttpTarget } from '../routing/route.ts';

/**
 * The last look before a credential goes out: never on a cleartext wire, unless the Destination says so. A tunnel is no
 * wire of the Internet; its operator answers for it. A client certificate exists in TLS only.
 * @throws CLEARTEXT_REFUSED
 */
export function checkCleartext({ destination, tls, upstream }: HttpTarget, authentication: Authentication): void {
  if (tls !== null) return;
  if (authentication.type === 'ClientCertificate') {
    throw new LeatError(
      'CLEARTEXT_REFUSED',
      `${destination.id} authenticates by client certificate, but its port has no upstream.tls to show it in`,
    );
  }
  if (upstream.via.kind !== 'direct' || destination.allowCleartext) return;
  if (authentication.type === 'None' && !hasSecretField(destination)) return;
  throw new LeatError(
    'CLEARTEXT_REFUSED',
    `${destination.id} would send a credential in clear to ${upstream.host}: set upstream.tls, or allowCleartext if that is meant`,
  );
}

/** Whether a request to the Destination carries anything of a Secret. */
export function injectsCredential(destination: Destination, authentication: Authentication): boolean {
  return authentication.type !== 'None' || hasSecretField(destination);
}

function hasSecretField({ headers, queries }: Destination): boolean {
  return [...headers, ...queries].some(({ value }) => value instanceof Secret);
}
