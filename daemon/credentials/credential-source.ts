// SPDX-License-Identifier: Apache-2.0
import type { Authentication, Destination, OAuth2Client } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import type { Clock } from '../net/clock.ts';
import { basicCredential } from './basic-credential.ts';
import type { FetchToken } from './token.ts';
import { createTokenCache } from './token-cache.ts';
import { tokenKey } from './token-key.ts';

export interface CredentialHeader {
  readonly name: string;
  readonly value: Secret;
}

export interface CredentialSourceOptions {
  readonly fetchToken: FetchToken;
  readonly clock: Clock;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
}

export interface CredentialSource {
  /**
   * The header fields that authenticate a request; none for `None`, and for `ClientCertificate`, which is shown in TLS.
   * @throws CREDENTIAL_UNAVAILABLE, CREDENTIAL_REJECTED, SECRET_INVALID, CLEARTEXT_REFUSED, or the signal's reason
   */
  headersFor(
    destination: Destination,
    authentication: Authentication,
    signal: AbortSignal,
  ): Promise<readonly CredentialHeader[]>;
  /** The upstream answered 401 to these fields: true where others are there now, so that one replay is worth it. */
  rejected(
    destination: Destination,
    authentication: Authentication,
    refused: readonly CredentialHeader[],
    signal: AbortSignal,
  ): Promise<boolean>;
  /** An access token for a tunnel. `refresh`: the last one was refused, another one is needed. @throws as headersFor */
  tokenFor(client: OAuth2Client, options: { readonly refresh: boolean }, signal: AbortSignal): Promise<Secret>;
  close(): void;
}

/** Tunnels are of the cluster: one token for all that have the same client. No Destination is called like this. */
const TUNNELS = 'Tunnels';

export function createCredentialSource({ fetchToken, ...options }: CredentialSourceOptions): CredentialSource {
  const cache = createTokenCache(options);
  const fetcher = (client: OAuth2Client) => (signal: AbortSignal) => fetchToken(client, signal);
  return {
    async headersFor(destination, authentication, signal) {
      switch (authentication.type) {
        case 'None':
        case 'ClientCertificate':
          return [];
        case 'Basic':
          return [{ name: 'Authorization', value: basicCredential(authentication.username, authentication.password) }];
        case 'Header': {
          const { name, prefix, value } = authentication;
          return [{ name, value: prefix === '' ? value : new Secret(prefix + value.reveal()) }];
        }
        case 'OAuth2ClientCredentials': {
          const { client } = authentication;
          const { value } = await cache.get(tokenKey(destination.id, client), fetcher(client), signal);
          return [{ name: 'Authorization', value: new Secret(`${BEARER}${value.reveal()}`) }];
        }
      }
    },
    async rejected(destination, authentication, refused, signal) {
      if (authentication.type !== 'OAuth2ClientCredentials') return false;
      const sent = refused[0]?.value.reveal().slice(BEARER.length) ?? '';
      const { client } = authentication;
      return cache.replace(tokenKey(destination.id, client), sent, fetcher(client), signal);
    },
    async tokenFor(client, { refresh }, signal) {
      const key = tokenKey(TUNNELS, client);
      const { value } = await cache.get(key, fetcher(client), signal);
      if (!refresh || !(await cache.replace(key, value.reveal(), fetcher(client), signal))) return value;
      return (await cache.get(key, fetcher(client), signal)).value;
    },
    close: () => cache.close(),
  };
}

/** RFC 6750 §2.1. */
const BEARER = 'Bearer ';
