// SPDX-License-Identifier: Apache-2.0
/** How Leat authenticates to the target of a Destination. docs/authentication.md has a row for each type. */
import { SAML_DEFAULTS } from '../defaults.ts';
import { SigningKey, TlsIdentity, UserToken } from '../schema/credential-parts.ts';
import { FORMATS } from '../schema/formats.ts';
import { OAuth2Client } from '../schema/oauth2-client.ts';
import { closed, durationMs, listOf, oneOf, secretName, secretValue, text, UserPassword } from '../schema/parts.ts';
import { Type } from '../schema/type.ts';

export const AUTHENTICATION_TYPES = [
  'None',
  'Basic',
  'Header',
  'ClientCertificate',
  'OAuth2ClientCredentials',
  'OAuth2Password',
  'OAuth2RefreshToken',
  'OAuth2AuthorizationCode',
  'OAuth2JwtBearer',
  'OAuth2TokenExchange',
  'OAuth2SamlBearer',
  'SamlAssertion',
  'PrincipalPropagation',
  'OAuth2TechnicalUserPropagation',
  'TokenForwarding',
  'ClientHandledAuthentication',
] as const;
export type AuthenticationType = (typeof AUTHENTICATION_TYPES)[number];

const name = (description: string) => Type.String({ minLength: 1, maxLength: 1024, description });

const TokenExchange = closed(
  {
    subjectTokenType: name('subject_token_type, such as urn:ietf:params:oauth:token-type:access_token'),
    requestedTokenType: Type.Optional(name('requested_token_type. Default what the token service gives.')),
    actor: Type.Optional(
      closed(
        {
          header: Type.Optional(text(FORMATS.headerName, 'request header that holds the actor token; it is removed')),
          secret: Type.Optional(secretValue('actor token from a Secret')),
          tokenType: name('actor_token_type'),
        },
        'who acts for the subject: header or secret',
      ),
    ),
  },
  'for type OAuth2TokenExchange (RFC 8693)',
);

const Saml = closed(
  {
    signingKey: SigningKey,
    issuer: name('Issuer of the assertion'),
    audience: name('Audience of the assertion'),
    recipient: Type.Optional(name('Recipient; for OAuth2SamlBearer the default is the token endpoint')),
    nameIdFormat: Type.Optional(name(`Format of NameID. Default ${SAML_DEFAULTS.nameIdFormat}.`)),
    nameIdClaim: Type.Optional(
      name(
        `claim of the user token that becomes the NameID. Default ${SAML_DEFAULTS.nameIdClaim}, for the format emailAddress email.`,
      ),
    ),
    authnContextClassRef: Type.Optional(name(`how the user signed in. Default ${SAML_DEFAULTS.authnContextClassRef}.`)),
    attributes: Type.Optional(
      listOf(
        closed({ name: name('name of the attribute'), claim: name('claim of the user token that gives its values') }),
        { maxItems: 64 },
        'attributes of the assertion, from claims of the user token',
      ),
    ),
    lifetimeMs: Type.Optional(
      durationMs(10_000, 3_600_000, `how long an assertion is good. Default ${SAML_DEFAULTS.lifetimeMs}.`),
    ),
  },
  'for types OAuth2SamlBearer and SamlAssertion: the assertion that Leat signs',
);

export const Authentication = closed(
  {
    type: oneOf(AUTHENTICATION_TYPES, 'how Leat authenticates to the target; all but None need an http port'),
    basic: Type.Optional(closed(UserPassword.properties, 'for type Basic: user name and password from one Secret')),
    header: Type.Optional(
      closed(
        {
          name: text(FORMATS.headerName, 'header that carries the value'),
          prefix: Type.Optional(text(FORMATS.headerPrefix, 'is put in front of the value, for example "Bearer "')),
          secret: secretName('the value'),
          key: text(FORMATS.secretKey, 'key of the value in the Secret'),
        },
        'for type Header: a header from a Secret',
      ),
    ),
    clientCertificate: Type.Optional(closed(TlsIdentity.properties, 'for type ClientCertificate: mutual TLS')),
    oauth2: Type.Optional(
      closed(OAuth2Client.properties, 'for the types that begin with OAuth2: where the token comes from'),
    ),
    password: Type.Optional(
      closed(UserPassword.properties, 'for type OAuth2Password: user name and password of RFC 6749 §4.3'),
    ),
    authorizationCode: Type.Optional(
      closed(
        { redirectUri: text(FORMATS.url, 'redirect_uri, exactly as the code was asked for') },
        'for type OAuth2AuthorizationCode (RFC 6749 §4.1), where the code was asked for with a redirect URI',
      ),
    ),
    tokenExchange: Type.Optional(TokenExchange),
    saml: Type.Optional(Saml),
    userToken: Type.Optional(
      closed(
        UserToken.properties,
        'for types that act for a user: where the token stands; where Leat vouches for the user, also who signed it',
      ),
    ),
  },
  'how Leat authenticates to the target: type, and the fields that belong to it',
);
