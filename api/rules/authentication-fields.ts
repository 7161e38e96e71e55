// SPDX-License-Identifier: Apache-2.0
/** Which fields belong to which type of authentication. */
import type { AuthenticationType } from '../kinds/authentication.ts';
import type { FieldsOfType } from './choices.ts';

type Field =
  | 'basic'
  | 'header'
  | 'clientCertificate'
  | 'oauth2'
  | 'password'
  | 'authorizationCode'
  | 'tokenExchange'
  | 'saml'
  | 'userToken';

export const AUTHENTICATION_FIELDS: Readonly<Record<AuthenticationType, FieldsOfType<Field>>> = {
  None: {},
  Basic: { required: ['basic'] },
  Header: { required: ['header'] },
  ClientCertificate: { required: ['clientCertificate'] },
  OAuth2ClientCredentials: { required: ['oauth2'] },
  OAuth2Password: { required: ['oauth2', 'password'] },
  OAuth2RefreshToken: { required: ['oauth2'], optional: ['userToken'] },
  OAuth2AuthorizationCode: { required: ['oauth2'], optional: ['authorizationCode', 'userToken'] },
  OAuth2JwtBearer: { required: ['oauth2'], optional: ['userToken'] },
  OAuth2TokenExchange: { required: ['oauth2', 'tokenExchange'], optional: ['userToken'] },
  OAuth2SamlBearer: { required: ['oauth2', 'saml', 'userToken'] },
  SamlAssertion: { required: ['saml', 'userToken'] },
  PrincipalPropagation: { optional: ['userToken'] },
  OAuth2TechnicalUserPropagation: { required: ['oauth2'] },
  TokenForwarding: { optional: ['userToken'] },
  ClientHandledAuthentication: {},
};

/** Types that go through a tunnel only: what understands their headers stands at its end. */
export const TUNNEL_ONLY: ReadonlySet<string> = new Set<AuthenticationType>([
  'PrincipalPropagation',
  'OAuth2TechnicalUserPropagation',
]);

/** Header fields, in lower case, that each type writes or takes away; others may not touch them. */
export function headersOfAuthentication(
  type: AuthenticationType,
  { header, userToken, tokenExchange }: OwnHeaders,
): ReadonlySet<string> {
  const own = new Set<string>();
  for (const name of [header?.name, userToken?.header, tokenExchange?.actor?.header]) {
    if (name !== undefined) own.add(name.toLowerCase());
  }
  if (!WITHOUT_AUTHORIZATION.has(type)) own.add('authorization');
  if (TUNNEL_ONLY.has(type)) for (const name of PROPAGATION_HEADERS) own.add(name);
  return own;
}

interface OwnHeaders {
  readonly header?: { readonly name: string } | undefined;
  readonly userToken?: { readonly header?: string } | undefined;
  readonly tokenExchange?: { readonly actor?: { readonly header?: string } } | undefined;
}

const WITHOUT_AUTHORIZATION: ReadonlySet<AuthenticationType> = new Set<AuthenticationType>([
  'None',
  'Header',
  'ClientCertificate',
]);

const PROPAGATION_HEADERS = ['sap-connectivity-authentication', 'sap-connectivity-technical-authentication'];
