// SPDX-License-Identifier: Apache-2.0
import type { ServiceLookup } from '../destination/destination.ts';
import type { Place } from '../destination/held-places.ts';
import { Secret } from '../destination/secret.ts';
import type { FetchedEntry, ServiceEntry } from '../destination/service-entry.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { mapHttp, placeOfHttp } from './map-http.ts';
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

/** The same, with what is wrong in place of an error: and with its place, so that nothing goes there as if it had none. */
export function mapOrRefuse(answer: ServiceAnswer, lookup: ServiceLookup): FetchedEntry {
  try {
    return { entry: mapDestination(answer, lookup) };
  } catch (cause) {
    const problem = asLeatError(cause);
    const place = readPlace(answer);
    return place === null ? { problem } : { problem, place };
  }
}

function readPlace({ configuration }: ServiceAnswer): Place | null {
  const { Type: type = 'HTTP' } = configuration;
  if (type !== 'HTTP' && type !== 'TCP' && type !== 'LDAP' && type !== 'MAIL') return null;
  try {
    const { host, ports } = type === 'HTTP' ? placeOfHttp(configuration) : mapRouted(type, configuration);
    return { hosts: [host], ports };
  } catch {
    // What is wrong with the entry is told already: here only that it has none.
    return null;
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
