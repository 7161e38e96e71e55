// SPDX-License-Identifier: Apache-2.0
import { OAUTH2_DEFAULTS, SECRET_KEY_DEFAULTS } from '../../api/defaults.ts';
import type { OAuth2Client as OAuth2ClientSpec } from '../../api/schema/oauth2-client.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { PrivateKeyJwt, TlsIdentity } from './authentication-parts.ts';
import { checkCertificates } from './check-pem.ts';
import { checkFieldValue, checkText } from './check-value.ts';
import { compileSigningKey, compileTlsIdentity } from './compile-tls-identity.ts';
import type { OAuth2Client, RequestField, TokenTunnel } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import type { Secret } from './secret.ts';

/** What most clients have none of, shared by them. */
const NONE: readonly never[] = Object.freeze([]);

/** Finds the tunnel that a token endpoint is reached through. @throws TUNNEL_*, ROUTE_UNSUPPORTED, DESTINATION_NOT_READY */
export type FindTokenTunnel = (name: string, locationId: string | null, endpoint: TokenEndpoint) => TokenTunnel;

export interface TokenEndpoint {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** @throws SECRET_*; CLEARTEXT_REFUSED for a token endpoint that would get the client's secret in clear; TUNNEL_* */
export function compileOAuth2Client(
  spec: OAuth2ClientSpec,
  readSecret: ReadSecret,
  findTunnel: FindTokenTunnel | null = null,
): OAuth2Client {
  const url = checkTokenUrl(spec);
  const clientAuthentication = spec.clientAuthentication ?? OAUTH2_DEFAULTS.clientAuthentication;
  const needsSecret = clientAuthentication === 'Body' || clientAuthentication === 'Basic';
  return {
    tokenUrl: spec.tokenUrl,
    clientId:
      spec.clientId === undefined
        ? readOwn(spec, spec.clientIdKey ?? SECRET_KEY_DEFAULTS.clientId, readSecret)
        : checkText(spec.clientId, 'clientId'),
    clientSecret: needsSecret
      ? readOwn(spec, spec.clientSecretKey ?? SECRET_KEY_DEFAULTS.clientSecret, readSecret)
      : null,
    clientAuthentication,
    scope: spec.scope ?? null,
    parameters: spec.parameters ?? NONE,
    allowCleartext: spec.allowCleartext ?? false,
    ca:
      spec.ca === undefined
        ? null
        : checkCertificates(readSecret(spec.ca.name, spec.ca.key), `key "${spec.ca.key}" of Secret ${spec.ca.name}`),
    headers: spec.headers?.map((field) => compileField(field, readSecret, checkFieldValue)) ?? NONE,
    queries: spec.queries?.map((field) => compileField(field, readSecret, checkText)) ?? NONE,
    identity: compileIdentity(spec, clientAuthentication, readSecret),
    privateKeyJwt: clientAuthentication === 'PrivateKeyJwt' ? compilePrivateKeyJwt(spec, readSecret) : null,
    via: compileVia(spec, url, findTunnel),
    timeoutMs: spec.timeoutMs ?? OAUTH2_DEFAULTS.timeoutMs,
  };
}

function checkTokenUrl({ tokenUrl, allowCleartext }: OAuth2ClientSpec): URL {
  const url = URL.parse(tokenUrl);
  if (url === null) {
    throw new LeatError('DESTINATION_NOT_READY', 'tokenUrl is no URL such as https://login.example.com/oauth/token');
  }
  if (url.username !== '' || url.password !== '') {
    throw new LeatError('DESTINATION_NOT_READY', 'tokenUrl holds a user or password: put them in the Secret');
  }
  if (url.protocol !== 'https:' && allowCleartext !== true) {
    throw new LeatError(
      'CLEARTEXT_REFUSED',
      'tokenUrl begins with http://, which would send the client secret in clear: use https://, or say allowCleartext',
    );
  }
  return url;
}

function readOwn({ secret }: OAuth2ClientSpec, key: string, readSecret: ReadSecret): Secret {
  if (secret === undefined)
    throw new LeatError('DESTINATION_NOT_READY', `oauth2 names no secret to read "${key}" from`);
  return checkText(readSecret(secret, key), `key "${key}" of Secret ${secret}`);
}

function compileField(
  { name, value, secret }: NonNullable<OAuth2ClientSpec['headers']>[number],
  readSecret: ReadSecret,
  check: (value: string, what: string) => Secret,
): RequestField {
  if (secret === undefined) return { name, value: value ?? '' };
  return { name, value: check(readSecret(secret.name, secret.key), `key "${secret.key}" of Secret ${secret.name}`) };
}

function compileIdentity(
  { clientCertificate }: OAuth2ClientSpec,
  clientAuthentication: OAuth2Client['clientAuthentication'],
  readSecret: ReadSecret,
): TlsIdentity | null {
  if (clientCertificate !== undefined) return compileTlsIdentity(clientCertificate, readSecret);
  if (clientAuthentication !== 'MutualTls') return null;
  throw new LeatError('DESTINATION_NOT_READY', 'clientAuthentication is MutualTls, but there is no clientCertificate');
}

function compilePrivateKeyJwt({ privateKeyJwt }: OAuth2ClientSpec, readSecret: ReadSecret): PrivateKeyJwt {
  if (privateKeyJwt === undefined) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      'clientAuthentication is PrivateKeyJwt, but there is no privateKeyJwt',
    );
  }
  const { signingKey, algorithm = 'RS256', keyId, audience } = privateKeyJwt;
  return {
    signingKey: compileSigningKey(signingKey, readSecret),
    algorithm,
    keyId: keyId ?? null,
    audience: audience ?? null,
  };
}

function compileVia({ tunnel, locationId }: OAuth2ClientSpec, url: URL, findTunnel: FindTokenTunnel | null) {
  if (tunnel === undefined) return null;
  if (findTunnel === null) {
    throw new LeatError('DESTINATION_NOT_READY', "a tunnel's own token can't come through a tunnel");
  }
  const isTls = url.protocol === 'https:';
  const port = Number(url.port || (isTls ? 443 : 80));
  return findTunnel(tunnel, locationId ?? null, { host: url.hostname.replace(/^\[|\]$/g, ''), port, isTls });
}
