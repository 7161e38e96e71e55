// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import type { Certificate } from './certificates.ts';
import type { Place } from './place.ts';
import {
  eventsOf,
  type ListenOptions,
  type ListensAt,
  listenAt,
  type StartedServer,
  startNodeServer,
} from './server.ts';

export interface OAuthClient {
  readonly id: string;
  readonly secret: string;
  /** The one way of client authentication that it accepts (RFC 6749 §2.3.1); default `body`. */
  readonly authentication?: 'body' | 'basic';
}

export interface OAuthServerOptions extends ListenOptions {
  readonly clients: readonly OAuthClient[];
  /** Serves https. */
  readonly tls?: Certificate;
  /** Scopes that clients may ask for. */
  readonly scopes?: readonly string[];
  /** Seconds; default 3600. */
  readonly tokenTtlSeconds?: number;
  /** `jwt`: tokens signed by RS256, for who can't ask; default `opaque`. */
  readonly tokenFormat?: 'opaque' | 'jwt';
}

/** How the next token requests are treated, until told otherwise. */
export interface OAuthControl {
  /** Milliseconds before the token endpoint answers. */
  readonly delayMs?: number;
  /** Answer with this status instead of a token. */
  readonly status?: number;
  /** Every token issued so far is worth nothing any more at /verify. */
  readonly revokeAll?: boolean;
}

/** What the child process reads. */
export interface OAuthServerConfiguration extends Omit<OAuthServerOptions, keyof ListensAt | 'tls'>, ListensAt {
  readonly issuer: string;
  readonly privateJwk: JsonWebKey;
  readonly certificate: string | null;
  readonly key: string | null;
}

export interface OAuthServer extends StartedServer {
  /** Path of the token endpoint: POST, client credentials. */
  readonly tokenPath: string;
  /** Path that answers 204 with X-Client-Id for a valid `Authorization: Bearer`, else 401: made for nginx's auth_request. */
  readonly verifyPath: string;
  readonly issuer: string;
  /** Verifies the signature of its JWTs. */
  readonly publicJwk: JsonWebKey;
  /** Tokens issued so far, of one client or of all. */
  issued(client?: string): number;
  /** Requests at the token endpoint so far, refused ones too. */
  requests(): number;
  control(settings: OAuthControl): void;
}

/** Starts an OAuth 2.0 server (npm oidc-provider) with the client credentials grant, as a process of its own. */
export async function startOAuthServer(place: Place, options: OAuthServerOptions): Promise<OAuthServer> {
  const at = await listenAt(place, options, options.tls === undefined ? 8080 : 8443);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateJwk = { ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' };
  const { tls, ...rest } = options;
  const issuer = `${tls === undefined ? 'http' : 'https'}://${at.address}:${at.port}`;
  const configuration: OAuthServerConfiguration = {
    ...rest,
    ...at,
    issuer,
    privateJwk,
    certificate: tls?.certificate ?? null,
    key: tls?.key ?? null,
  };
  const server = await startNodeServer(place, 'oauth-server', configuration);
  return {
    ...server,
    tokenPath: '/token',
    verifyPath: '/verify',
    issuer,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid: 'test' },
    issued: (client) =>
      eventsOf(server, 'issued').filter((each) => client === undefined || each.client === client).length,
    requests: () => eventsOf(server, 'request').length,
    control: (settings) => server.write(`${JSON.stringify(settings)}\n`),
  };
}
