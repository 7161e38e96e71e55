// SPDX-License-Identifier: Apache-2.0
/** The package oidc-provider as the token endpoint of grants that begin with a user: codes and refresh tokens are made for tests. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ClientMetadata, Provider } from 'oidc-provider';

export interface OidcServer {
  readonly port: number;
  /** A code of the user `ada`, good for one use. */
  code(): Promise<string>;
  /** Whom an access token is for; null: it is none of this server's. */
  accountOf(token: string): Promise<string | null>;
  /** Which client an access token of client credentials is for; null: none of this server's. */
  clientOf(token: string): Promise<string | null>;
  /** Errors of its token endpoint. */
  readonly errors: string[];
}

interface Teardown {
  teardown(end: () => unknown): void;
}

export const REDIRECT_URI = 'https://app.example/callback';

/** @param client joined with what its grants need; the id is `leat` */
export async function startOidcServer(
  t: Teardown,
  client: Partial<ClientMetadata>,
  tls?: { readonly certificate: string; readonly key: string; readonly clientAuthority: string },
): Promise<OidcServer> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const http: Server =
    tls === undefined
      ? createServer()
      : (createTlsServer({
          cert: tls.certificate,
          key: tls.key,
          ca: tls.clientAuthority,
          requestCert: true,
          rejectUnauthorized: true,
        }) as unknown as Server);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.teardown(() => {
    http.close();
    http.closeAllConnections();
  });
  const { port } = http.address() as AddressInfo;
  const provider = new Provider(`${tls === undefined ? 'http' : 'https'}://login.example:${port}`, {
    clients: [
      {
        client_id: 'leat',
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        redirect_uris: [REDIRECT_URI],
        response_types: ['code'],
        scope: 'openid offline_access',
        ...client,
      },
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'none'],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'a', use: 'sig', alg: 'RS256' } as never] },
    pkce: { required: () => false },
    scopes: ['openid', 'offline_access'],
    rotateRefreshToken: true,
    ttl: { AccessToken: 2, ClientCredentials: 60 },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        getCertificate: (context) => {
          const { raw } = (context.socket as TLSSocket).getPeerCertificate(true);
          return raw === undefined
            ? undefined
            : `-----BEGIN CERTIFICATE-----\n${raw.toString('base64')}\n-----END CERTIFICATE-----`;
        },
        certificateAuthorized: (context) => (context.socket as TLSSocket).authorized,
        certificateSubjectMatches: (context, property, expected) =>
          property === 'tls_client_auth_subject_dn' &&
          `CN=${(context.socket as TLSSocket).getPeerCertificate().subject.CN}` === expected,
      },
    },
  });
  const errors: string[] = [];
  provider.on('grant.error', (_context, error) =>
    errors.push(`${error.error}: ${error.error_description ?? ''} ${error.error_detail ?? ''}`),
  );
  http.on('request', provider.callback());
  return {
    port,
    errors,
    async code() {
      const found = await provider.Client.find('leat');
      if (found === undefined) throw new Error('no client');
      const grant = new provider.Grant({ accountId: 'ada', clientId: 'leat' });
      grant.addOIDCScope('openid offline_access');
      const grantId = await grant.save();
      const code = new provider.AuthorizationCode({
        accountId: 'ada',
        client: found,
        grantId,
        redirectUri: REDIRECT_URI,
        scope: 'openid offline_access',
        gty: 'authorization_code',
      } as never);
      return code.save();
    },
    accountOf: async (token) => (await provider.AccessToken.find(token))?.accountId ?? null,
    clientOf: async (token) => (await provider.ClientCredentials.find(token))?.clientId ?? null,
  };
}
