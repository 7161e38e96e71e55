// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { OAuth2Client } from '../destination/destination.ts';

/**
 * Key of a token: who it is for, and a digest over everything that is sent for it. Two Destinations never share a token,
 * and a changed secret is another key at once.
 */
export function tokenKey(owner: string, client: OAuth2Client): string {
  let digest = digests.get(client);
  if (digest === undefined) {
    digest = digestOf(client);
    digests.set(client, digest);
  }
  return `${owner} ${digest}`;
}

/** A client is an immutable part of a snapshot, and each request asks for its key. */
const digests = new WeakMap<OAuth2Client, string>();

function digestOf(client: OAuth2Client): string {
  const { tokenUrl, clientId, clientSecret, clientAuthentication, scope, parameters, ca } = client;
  const facts = [
    tokenUrl,
    clientId.reveal(),
    clientSecret.reveal(),
    clientAuthentication,
    scope,
    parameters.map(({ name, value }) => [name, value]),
    ca,
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
}
