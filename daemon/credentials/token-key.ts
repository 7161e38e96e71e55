// SPDX-License-Identifier: Apache-2.0
import type { OAuth2Client } from '../destination/destination.ts';
import { digestOf } from '../destination/digest.ts';

/**
 * Key of a token: a digest over who it is for, everything that is sent for it, and everything that the caller contributed.
 * Two Destinations never share a token, nor do two callers, and a changed secret is another key at once.
 * @param subject what else decides: user name, the caller's tokens; null where there is nothing
 */
export function tokenKey(owner: string, client: OAuth2Client | null, subject: unknown = null): string {
  return digestOf([owner, client === null ? null : digestOfClient(client), subject]);
}

/** Clients do not change, and a bundle of authorities is too much to read for each request. */
const digests = new WeakMap<OAuth2Client, string>();

function digestOfClient(client: OAuth2Client): string {
  const known = digests.get(client);
  if (known !== undefined) return known;
  const digest = digestOf(client);
  digests.set(client, digest);
  return digest;
}
