// SPDX-License-Identifier: Apache-2.0
/** The OAuth 2.0 client: where tokens come from, and how Leat proves there who it is. */
import { OAUTH2_DEFAULTS, SECRET_KEY_DEFAULTS } from '../defaults.ts';
import { SigningKey, TlsIdentity } from './credential-parts.ts';
import { FORMATS } from './formats.ts';
import {
  CertificateAuthority,
  closed,
  durationMs,
  listOf,
  oneOf,
  secretKey,
  secretName,
  secretValue,
  text,
} from './parts.ts';
import { type Static, Type } from './type.ts';

/** Every way in which a client proves itself at a token endpoint. */
export const CLIENT_AUTHENTICATIONS = ['Body', 'Basic', 'PrivateKeyJwt', 'MutualTls', 'None'] as const;

export const OAuth2Client = closed(
  {
    tokenUrl: text(FORMATS.url, 'token endpoint'),
    clientId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: 'client id, where it does not stand in the Secret',
      }),
    ),
    secret: Type.Optional(secretName('client id and client secret')),
    clientIdKey: secretKey('the client id', SECRET_KEY_DEFAULTS.clientId),
    clientSecretKey: secretKey('the client secret', SECRET_KEY_DEFAULTS.clientSecret),
    clientAuthentication: Type.Optional(
      oneOf(
        [...CLIENT_AUTHENTICATIONS],
        `how the client proves itself: secret in the body, secret in the Authorization header, a signed JWT (RFC 7523), a certificate in TLS (RFC 8705), or not at all. Default ${OAUTH2_DEFAULTS.clientAuthentication}.`,
      ),
    ),
    clientCertificate: Type.Optional(
      closed(TlsIdentity.properties, 'certificate that is shown to the token endpoint; required for MutualTls'),
    ),
    privateKeyJwt: Type.Optional(
      closed(
        {
          signingKey: SigningKey,
          algorithm: Type.Optional(
            oneOf(['RS256', 'PS256'], 'for RSA keys; for others their curve decides. Default RS256.'),
          ),
          keyId: Type.Optional(text(FORMATS.headerPrefix, '"kid" of the assertion')),
          audience: Type.Optional(text(FORMATS.headerPrefix, '"aud" of the assertion. Default tokenUrl.')),
        },
        'for PrivateKeyJwt: what the assertion is signed with',
      ),
    ),
    scope: Type.Optional(text(FORMATS.scope, 'scopes that are asked for, separated by spaces')),
    parameters: Type.Optional(
      listOf(
        closed({
          name: Type.String({ minLength: 1, maxLength: 128, description: 'name of the parameter' }),
          value: Type.String({ maxLength: 2048, description: 'its value; no secret belongs here' }),
        }),
        { maxItems: 32 },
        'further parameters of the token request, for example audience or resource',
      ),
    ),
    headers: Type.Optional(
      listOf(
        closed({
          name: text(FORMATS.headerName, 'name of the header'),
          value: Type.Optional(text(FORMATS.headerValue, 'value, where it is no secret')),
          secret: Type.Optional(secretValue('value from a Secret')),
        }),
        { maxItems: 32 },
        'headers of the token request: value or secret',
      ),
    ),
    queries: Type.Optional(
      listOf(
        closed({
          name: Type.String({ minLength: 1, maxLength: 128, description: 'name of the query parameter, not encoded' }),
          value: Type.Optional(
            Type.String({ maxLength: 2048, description: 'value, where it is no secret; not encoded' }),
          ),
          secret: Type.Optional(secretValue('value from a Secret')),
        }),
        { maxItems: 32 },
        'query parameters that are added to tokenUrl: value or secret',
      ),
    ),
    ca: Type.Optional(CertificateAuthority),
    tunnel: Type.Optional(
      text(FORMATS.resourceName, 'Tunnel that leads to the token endpoint; it must allow its host and port'),
    ),
    locationId: Type.Optional(
      text(FORMATS.locationId, 'which of the connectors behind the tunnel. Default the default location.'),
    ),
    timeoutMs: Type.Optional(
      durationMs(
        100,
        600_000,
        `until a token request is answered, connecting included. Default ${OAUTH2_DEFAULTS.timeoutMs}.`,
      ),
    ),
    allowCleartext: Type.Optional(
      Type.Boolean({
        description: 'permit a token endpoint of http://, which sends the client secret in clear. Default false.',
      }),
    ),
  },
  'OAuth 2.0 client (RFC 6749 §2): its token endpoint, and how it proves itself there',
);
export type OAuth2Client = Static<typeof OAuth2Client>;
