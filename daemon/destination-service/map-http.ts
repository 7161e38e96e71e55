// SPDX-License-Identifier: Apache-2.0
import type { DestinationPort, ServiceLookup, StaticField } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import type { ServiceEntry } from '../destination/service-entry.ts';
import { LeatError } from '../errors/leat-error.ts';
import { mapAuthentication } from './map-authentication.ts';
import { readTrustStore } from './map-stores.ts';
import { normaliseName } from './normalise-name.ts';
import type { ServiceAnswer } from './parse-answer.ts';

type Http = Omit<ServiceEntry, 'proxyType' | 'locationId' | 'properties'>;

/** Fields that frame or route a message: a value of one's own would let a request be read in two ways. */
const FRAMING = /^(?:connection|content-length|host|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/i;
const MAX_FIELDS = 64;

/** SAP Help, "HTTP Destinations". @throws DESTINATION_ENTRY_INVALID, DESTINATION_ENTRY_UNSUPPORTED, SECRET_INVALID */
export function mapHttp(answer: ServiceAnswer, lookup: ServiceLookup, proxyType: ServiceEntry['proxyType']): Http {
  const { configuration } = answer;
  const url = urlOf(configuration);
  const isTls = url.protocol === 'https:';
  const hasStores = ['TrustStoreLocation', 'KeyStoreLocation'].some((name) => (configuration[name] ?? '') !== '');
  if (hasStores && !isTls)
    throw invalid('URL is http://, but there is a key store or trust store: they are for https://');
  return {
    ...placeOf(url, isTls ? readTrustStore(answer) : null),
    trustsAll: isTls && /^true$/i.test(configuration.TrustAll ?? ''),
    authentication: mapAuthentication(answer, lookup, proxyType),
    headers: fieldsOf(configuration, 'URL.headers.', checkHeader),
    queries: [...fieldsOf(configuration, 'URL.queries.', () => {}), ...queriesOf(url)],
    connectTimeoutMs: secondsOf(configuration['URL.connectionTimeoutInSeconds'], 300, 'URL.connectionTimeoutInSeconds'),
    responseTimeoutMs: secondsOf(
      configuration['URL.socketReadTimeoutInSeconds'],
      43_200,
      'URL.socketReadTimeoutInSeconds',
    ),
  };
}

/** Where an entry of type HTTP is, whatever else it says. @throws DESTINATION_URL_INVALID, DESTINATION_ENTRY_INVALID */
export function placeOfHttp(configuration: ServiceAnswer['configuration']): Pick<Http, 'host' | 'ports'> {
  return placeOf(urlOf(configuration), null);
}

function placeOf(url: URL, ca: string | null): Pick<Http, 'host' | 'ports'> {
  const isTls = url.protocol === 'https:';
  const host = normaliseName(url.hostname, 'URL');
  const upstream = {
    host,
    port: Number(url.port || (isTls ? 443 : 80)),
    pathPrefix: url.pathname.replace(/\/+$/, ''),
    tls: isTls ? { serverName: null, ca } : null,
  };
  // The application speaks http to the name; where the target does so too, also on the target's own port.
  const ports = [...new Set(isTls ? [80] : [80, upstream.port])];
  return { host, ports: ports.map((port): DestinationPort => ({ port, protocol: 'http', upstream })) };
}

/** Without a scheme it is http://. @throws DESTINATION_URL_INVALID */
function urlOf({ URL: text = '' }: ServiceAnswer['configuration']): URL {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new LeatError('DESTINATION_URL_INVALID', 'URL is missing, or none of http:// and https://');
  }
  if (url.username !== '' || url.password !== '') {
    throw new LeatError('DESTINATION_URL_INVALID', 'URL holds a user or a password');
  }
  return url;
}

/** Often an API key stands there, so all of them are kept as secrets. */
function fieldsOf(
  configuration: Readonly<Record<string, string>>,
  prefix: string,
  check: (name: string, value: string) => void,
): StaticField[] {
  const fields = Object.entries(configuration).filter(([name]) => name.startsWith(prefix) && name !== prefix);
  if (fields.length > MAX_FIELDS) throw invalid(`there are more than ${MAX_FIELDS} properties ${prefix}*`);
  return fields.map(([property, value]) => {
    const name = property.slice(prefix.length);
    check(name, value);
    return { name, value: new Secret(value), mode: 'append' };
  });
}

function checkHeader(name: string, value: string): void {
  if (!/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name))
    throw invalid('a property URL.headers.* is named as no header can be');
  if (FRAMING.test(name)) throw invalid(`URL.headers.${name} belongs to the connection, not to the message`);
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
    throw invalid(`the value of URL.headers.${name} can't stand in a header`);
}

function queriesOf(url: URL): StaticField[] {
  return [...url.searchParams].map(([name, value]) => ({ name, value: new Secret(value), mode: 'append' }));
}

function secondsOf(text: string | undefined, maximum: number, what: string): number | null {
  if (text === undefined || text === '') return null;
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > maximum) throw invalid(`${what} must be from 1 to ${maximum}`);
  return seconds * 1000;
}

function invalid(why: string): LeatError {
  return new LeatError('DESTINATION_ENTRY_INVALID', why);
}
