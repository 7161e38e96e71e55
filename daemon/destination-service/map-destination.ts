// SPDX-License-Identifier: Apache-2.0
import type { ServiceLookup } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import type { ServiceEntry } from '../destination/service-entry.ts';
import { LeatError } from '../errors/leat-error.ts';
import { mapHttp } from './map-http.ts';
import { mapRouted } from './map-routed.ts';
import type { ServiceAnswer } from './parse-answer.ts';
import { showValue } from './show-value.ts';

/**
 * An entry in Leat's words. Pure. Types, ProxyTypes and authentications that Leat does not have are refused, never read as
 * something else.
 * @throws DESTINATION_ENTRY_INVALID, DESTINATION_ENTRY_UNSUPPORTED, SECRET_INVALID for its certificates
 */
export function mapDestination(answer: ServiceAnswer, lookup: ServiceLookup): ServiceEntry {
  const { configuration } = answer;
  const type = configuration.Type ?? 'HTTP';
  const proxyType = proxyTypeOf(
    (type === 'LDAP' ? configuration['ldap.proxyType'] : undefined) ?? configuration.ProxyType,
  );
  const common = {
    proxyType,
    locationId: locationOf(configuration.CloudConnectorLocationId),
    properties: Object.fromEntries(Object.entries(configuration).map(([name, value]) => [name, new Secret(value)])),
    ...(answer.labels === undefined ? {} : { labels: answer.labels }),
  };
  switch (type) {
    case 'HTTP':
      return { ...common, ...mapHttp(answer, lookup, proxyType) };
    case 'TCP':
    case 'LDAP':
    case 'MAIL':
      return { ...common, ...mapRouted(type, configuration) };
    default:
      throw new LeatError('DESTINATION_ENTRY_UNSUPPORTED', `entries of type ${showValue(type)} are not supported`);
  }
}

function proxyTypeOf(proxyType = 'Internet'): ServiceEntry['proxyType'] {
  if (proxyType === 'Internet' || proxyType === 'OnPremise') return proxyType;
  throw new LeatError('DESTINATION_ENTRY_UNSUPPORTED', `ProxyType ${showValue(proxyType)} is not supported`);
}

function locationOf(locationId: string | undefined): string | null {
  if (locationId === undefined || locationId === '') return null;
  if (/^[!-~]{1,128}$/.test(locationId)) return locationId;
  throw new LeatError('DESTINATION_ENTRY_INVALID', 'CloudConnectorLocationId is no location id');
}
