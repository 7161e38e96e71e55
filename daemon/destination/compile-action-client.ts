// SPDX-License-Identifier: Apache-2.0
/** The client of an action: its Secret is the namespace's, everything else is the entry's, whom the Secret is not shown to. */
import type { DestinationAction } from '../../api/kinds/destination-action.ts';
import { isOwnParameter, isOwnTokenHeader } from '../../api/rules/oauth2-client.ts';
import { LeatError } from '../errors/leat-error.ts';
import { checkCertificates, checkKeyPair } from './check-pem.ts';
import { checkText } from './check-value.ts';
import type { OAuth2Client, RequestField } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import { Secret } from './secret.ts';
import { type JsonSecretObject, readSecretObject } from './secret-object.ts';
import { TENANT_PLACEHOLDER } from './tenant.ts';

/** Null: the entry has no such property. */
export type PropertyOf = (name: string) => string | null;

/** IAS makes the token for whichever application this names. */
const RESOURCE = 'tokenService.body.resource';
const BODY = 'tokenService.body.';
const HEADERS = 'tokenServiceURL.headers.';
const QUERIES = 'tokenServiceURL.queries.';
const MAX_FIELDS = 64;
/** Stands for whichever tenant while a URL is looked at. */
const SOME_TENANT = 'some-tenant';

/**
 * @param names of the entry's properties
 * @throws SECRET_*, DESTINATION_ENTRY_INVALID
 */
export function compileActionClient(
  action: DestinationAction,
  property: PropertyOf,
  names: readonly string[],
  readSecret: ReadSecret,
): OAuth2Client {
  const { name, key } = action.secret;
  const what = `the service key in key "${key}" of Secret ${name}`;
  const serviceKey = readSecretObject(readSecret(name, key), what);
  if ((property(RESOURCE) ?? '') === '') throw invalid(`action ${action.type} needs its property ${RESOURCE}`);
  const fields = (prefix: string, check: (name: string, value: string) => void): RequestField[] =>
    namesBehind(names, prefix).map((field) => {
      const value = property(prefix + field) ?? '';
      check(field, value);
      // Often an API key stands there.
      return { name: field, value: new Secret(value) };
    });
  const certificate = serviceKey.optional('certificate');
  const isInBody = property('tokenService.addClientCredentialsInBody') !== 'false';
  return {
    ...tokenUrlOf(action, property, serviceKey, what),
    clientId: checkText(serviceKey.field('clientid'), `clientid of ${what}`),
    scope: property('scope'),
    parameters: namesBehind(names, BODY).map((parameter) => {
      if (isOwnParameter(parameter)) throw invalid(`its property ${BODY}${parameter} is Leat's own to write`);
      return { name: parameter, value: property(BODY + parameter) ?? '' };
    }),
    headers: fields(HEADERS, checkHeader),
    queries: fields(QUERIES, () => {}),
    ca:
      action.ca === undefined
        ? null
        : checkCertificates(
            readSecret(action.ca.name, action.ca.key),
            `key "${action.ca.key}" of Secret ${action.ca.name}`,
          ),
    ...(certificate === null
      ? {
          clientSecret: checkText(serviceKey.field('clientsecret'), `clientsecret of ${what}`),
          clientAuthentication: isInBody ? 'Body' : 'Basic',
          identity: null,
        }
      : {
          clientSecret: null,
          clientAuthentication: 'MutualTls',
          identity: checkKeyPair(certificate, serviceKey.field('key'), what),
        }),
  };
}

function namesBehind(names: readonly string[], prefix: string): string[] {
  const found = names.filter((name) => name.startsWith(prefix) && name !== prefix);
  if (found.length > MAX_FIELDS) throw invalid(`there are more than ${MAX_FIELDS} properties ${prefix}*`);
  return found.map((name) => name.slice(prefix.length));
}

function checkHeader(name: string, value: string): void {
  if (!/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name)) throw invalid(`a property ${HEADERS}* is named as no header can be`);
  if (isOwnTokenHeader(name)) throw invalid(`its property ${HEADERS}${name} is Leat's own to write`);
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw invalid(`the value of its property ${HEADERS}${name} can't stand in a header`);
  }
}

type TokenUrl = Pick<OAuth2Client, 'tokenUrl' | 'isPerTenant'>;

/**
 * The entry is written by who keeps the subaccount, the Secret by the namespace: it goes to the host that it names itself,
 * or, for several tenants, to a tenant's at a domain that it names, wherever the entry points.
 */
function tokenUrlOf(
  { type }: DestinationAction,
  property: PropertyOf,
  serviceKey: JsonSecretObject,
  what: string,
): TokenUrl {
  const own = httpsUrl(serviceKey.field('url'));
  if (own === null) throw new LeatError('SECRET_INVALID', `url of ${what} is no URL of https://`);
  const given = property('tokenServiceURL') ?? '';
  const isCommon = property('tokenServiceURLType') === 'Common';
  if (given === '') {
    if (type !== 'OAuth2JwtBearer' || isCommon) throw invalid(`action ${type} needs its property tokenServiceURL`);
    return { tokenUrl: `${own.href.replace(/\/+$/, '')}/oauth2/token` };
  }
  if (isCommon) return { tokenUrl: commonUrl(given, own, serviceKey, what), isPerTenant: true };
  const asked = httpsUrl(given);
  if (asked?.host !== own.host) {
    throw invalid(`its tokenServiceURL is not at the host that url of ${what} names: the Secret is sent there alone`);
  }
  return { tokenUrl: asked.href };
}

/** Without a placeholder the tenant is the first label of the host (SAP Help, "OAuth SAML Bearer Assertion Authentication"). */
function commonUrl(given: string, own: URL, { optional, list }: JsonSecretObject, what: string): string {
  const url = given.includes(TENANT_PLACEHOLDER) ? given : given.replace('://', `://${TENANT_PLACEHOLDER}.`);
  const asked = httpsUrl(url.replaceAll(TENANT_PLACEHOLDER, SOME_TENANT));
  const domains = [optional('domain') ?? '', ...list('domains')].filter((domain) => /^[^.].*\.[^.]/.test(domain));
  const isOfDomain = domains.some((domain) => asked?.hostname === `${SOME_TENANT}.${domain.toLowerCase()}`);
  if (asked?.host === own.host || (isOfDomain && asked?.port === own.port)) return url;
  throw invalid(
    `its tokenServiceURL is for several tenants, but is neither at the host that url of ${what} names, nor at a tenant's of its domains: the Secret is sent there alone`,
  );
}

function httpsUrl(text: string): URL | null {
  const url = URL.parse(text);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '' ? url : null;
}

function invalid(why: string): LeatError {
  return new LeatError('DESTINATION_ENTRY_INVALID', `the entry can't be used: ${why}`);
}
