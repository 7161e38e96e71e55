// SPDX-License-Identifier: Apache-2.0
import { checkBasicUsername, checkText } from '../destination/check-value.ts';
import type { Authentication, ServiceAuthentication, ServiceLookup } from '../destination/destination.ts';
import type { ServiceEntry } from '../destination/service-entry.ts';
import { LeatError } from '../errors/leat-error.ts';
import { readKeyStore } from './map-stores.ts';
import type { ServiceAnswer } from './parse-answer.ts';
import { showValue } from './show-value.ts';

/** Types whose header the service makes, and what the application's bearer token is to it (SAP Help, "HTTP Destinations"). */
const BY_SERVICE: Readonly<Record<string, ServiceAuthentication['callerToken']>> = {
  OAuth2ClientCredentials: null,
  OAuth2Password: null,
  OAuth2TechnicalUserPropagation: null,
  OAuth2JWTBearer: 'User',
  OAuth2UserTokenExchange: 'User',
  OAuth2SAMLBearerAssertion: 'User',
  SAMLAssertion: 'User',
  // A logon ticket in SAP's own format, in a Cookie: made by the service alone.
  SAPAssertionSSO: 'User',
  OAuth2RefreshToken: 'Refresh',
  OAuth2AuthorizationCode: 'Code',
  OAuth2TokenExchange: 'Subject',
};
/** With a `SystemUser` it is always the same user, and no token is asked for (SAP Cloud SDK for Java, `AuthenticationType`). */
const OF_SYSTEM_USER = new Set(['OAuth2SAMLBearerAssertion', 'SAMLAssertion', 'SAPAssertionSSO']);
/** What understands their headers stands at the end of a tunnel. */
const ON_PREMISE_ONLY = new Set(['PrincipalPropagation', 'OAuth2TechnicalUserPropagation']);
/** Every name that an entry may say, for `docs/authentication.md`, which has a row for each. */
export const ENTRY_AUTHENTICATIONS: readonly string[] = [
  'NoAuthentication',
  'BasicAuthentication',
  'ClientCertificateAuthentication',
  'PrincipalPropagation',
  'TokenForwarding',
  'ClientHandledAuthentication',
  ...Object.keys(BY_SERVICE),
];
const UNVERIFIED = { header: null, verification: null };

/** @throws DESTINATION_ENTRY_UNSUPPORTED, DESTINATION_ENTRY_INVALID, SECRET_INVALID */
export function mapAuthentication(
  answer: ServiceAnswer,
  lookup: ServiceLookup,
  proxyType: ServiceEntry['proxyType'],
): Authentication {
  const { configuration } = answer;
  const sapType = configuration.Authentication ?? 'NoAuthentication';
  if (ON_PREMISE_ONLY.has(sapType) && proxyType !== 'OnPremise') {
    throw new LeatError('DESTINATION_ENTRY_INVALID', `Authentication ${sapType} needs ProxyType OnPremise`);
  }
  if (Object.hasOwn(BY_SERVICE, sapType)) {
    const isSystemUser = OF_SYSTEM_USER.has(sapType) && (configuration.SystemUser ?? '') !== '';
    const callerToken = isSystemUser ? null : (BY_SERVICE[sapType] ?? null);
    const tokenService = configuration.tokenServiceURLType === 'Common' ? 'Common' : 'Dedicated';
    return { type: 'DestinationService', lookup, sapType, callerToken, tokenService };
  }
  switch (sapType) {
    case 'NoAuthentication':
      return { type: 'None' };
    case 'BasicAuthentication': {
      const { User: user, Password: password } = configuration;
      if (user === undefined || password === undefined) {
        throw new LeatError('DESTINATION_ENTRY_INVALID', 'User or Password is missing');
      }
      return {
        type: 'Basic',
        username: checkBasicUsername(user, 'User of the entry'),
        password: checkText(password, 'Password of the entry'),
      };
    }
    case 'ClientCertificateAuthentication':
      return { type: 'ClientCertificate', ...readKeyStore(answer) };
    case 'PrincipalPropagation':
      return { type: 'PrincipalPropagation', userToken: UNVERIFIED };
    case 'TokenForwarding':
      return { type: 'TokenForwarding', userToken: UNVERIFIED };
    case 'ClientHandledAuthentication':
      return { type: 'ClientHandledAuthentication' };
    default:
      throw new LeatError('DESTINATION_ENTRY_UNSUPPORTED', `Authentication ${showValue(sapType)} is not supported`);
  }
}
