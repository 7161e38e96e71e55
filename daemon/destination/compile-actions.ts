// SPDX-License-Identifier: Apache-2.0
/** Actions: tokens that Leat gets by itself from SAP Cloud Identity Services, in place of what an entry says (SAP Help, "Actions"). */
import type { DestinationAction } from '../../api/kinds/destination-action.ts';
import { isOwnParameter } from '../../api/rules/oauth2-client.ts';
import { LeatError } from '../errors/leat-error.ts';
import { checkCertificates, checkKeyPair } from './check-pem.ts';
import { checkText } from './check-value.ts';
import type { ActionRule, Authentication, EntryFacts, OAuth2Client, ServiceLookup } from './destination.ts';
import { digestOf } from './digest.ts';
import type { ReadSecret } from './release-secret.ts';
import { readSecretObject } from './secret-object.ts';

type Action = DestinationAction;
type Trigger = NonNullable<Action['triggers']>[number];

/** What the same is called by SAP, who allows an action on an entry that says it. */
const SAP_TYPE: Readonly<Record<Action['type'], string>> = {
  OAuth2JwtBearer: 'OAuth2JWTBearer',
  OAuth2ClientCredentials: 'OAuth2ClientCredentials',
  OAuth2TechnicalUserPropagation: 'OAuth2TechnicalUserPropagation',
};
const REPLACED = ['NoAuthentication', 'ClientHandledAuthentication'];
/** IAS makes the token for whichever application this names. */
const RESOURCE = 'tokenService.body.resource';
const BODY = 'tokenService.body.';

/** The actions of a Destination, with its Secrets at hand; null: it has none. */
export function compileActions(actions: readonly Action[], readSecret: ReadSecret): ActionRule | null {
  if (actions.length === 0) return null;
  const asksLabels = actions.some(({ triggers = [] }) =>
    triggers.some(
      ({ exist, exactMatch = [] }) =>
        exist?.labelKeys !== undefined || exactMatch.some(({ labelKey }) => labelKey !== undefined),
    ),
  );
  return { asksLabels, authenticationOf: (entry) => applyActions(entry, actions, readSecret) };
}

/** The lookup of an entry for actions: with its labels, where a trigger asks for one. */
export function lookUpForActions(lookup: ServiceLookup, rule: ActionRule | null): ServiceLookup {
  if (rule?.asksLabels !== true) return lookup;
  return { ...lookup, withLabels: true, key: digestOf([lookup.key, 'labels']) };
}

/**
 * The authentication of an entry under these actions. Where none applies it is the entry's own; where one should and can't,
 * or two do, the Destination is not ready.
 *
 * @throws DESTINATION_NOT_READY, DESTINATION_ENTRY_INVALID, DESTINATION_ENTRY_UNSUPPORTED, SECRET_*
 */
function applyActions(entry: EntryFacts, actions: readonly Action[], readSecret: ReadSecret): Authentication {
  const [action, second] = actions.filter(({ triggers = [] }) => triggers.every((trigger) => holds(trigger, entry)));
  if (action === undefined) return entry.authentication;
  if (second !== undefined) {
    throw notReady(`the actions ${action.type} and ${second.type} both apply: give them triggers that tell them apart`);
  }
  const { type } = action;
  const property = propertiesOf(entry);
  if ((property('Type') ?? 'HTTP') !== 'HTTP') throw notReady(`action ${type} needs an entry of type HTTP`);
  const own = property('Authentication') ?? 'NoAuthentication';
  if (!REPLACED.includes(own) && own !== SAP_TYPE[type]) {
    throw notReady(`action ${type} does not go with the authentication of the entry`);
  }
  if (type === 'OAuth2TechnicalUserPropagation' && entry.proxyType !== 'OnPremise') {
    throw notReady(`action ${type} needs an entry with ProxyType OnPremise`);
  }
  const client = clientOf(action, property, entry, readSecret);
  return type === 'OAuth2JwtBearer'
    ? { type, client, userToken: { header: null, verification: null } }
    : { type, client };
}

function holds({ exist, exactMatch }: Trigger, entry: EntryFacts): boolean {
  const property = propertiesOf(entry);
  const labelOf = (key: string): readonly string[] | null =>
    entry.labels !== undefined && Object.hasOwn(entry.labels, key) ? (entry.labels[key] ?? []) : null;
  const { properties = [], labelKeys = [] } = exist ?? {};
  return (
    properties.every((name) => property(name) !== null) &&
    labelKeys.every((key) => labelOf(key) !== null) &&
    (exactMatch ?? []).every(({ property: name, value, labelKey, values = [] }) => {
      if (name !== undefined) return property(name) === value;
      const label = labelOf(labelKey ?? '');
      return label !== null && label.length === values.length && values.every((one) => label.includes(one));
    })
  );
}

type Property = (name: string) => string | null;

function propertiesOf({ properties = {} }: EntryFacts): Property {
  return (name) => (Object.hasOwn(properties, name) ? (properties[name]?.reveal() ?? null) : null);
}

function clientOf(action: Action, property: Property, entry: EntryFacts, readSecret: ReadSecret): OAuth2Client {
  const { name, key } = action.secret;
  const what = `the service key in key "${key}" of Secret ${name}`;
  const { field, optional } = readSecretObject(readSecret(name, key), what);
  if ((property(RESOURCE) ?? '') === '') throw invalid(`action ${action.type} needs its property ${RESOURCE}`);
  const certificate = optional('certificate');
  const isInBody = property('tokenService.addClientCredentialsInBody') !== 'false';
  return {
    tokenUrl: tokenUrlOf(action, property, field('url'), what),
    clientId: checkText(field('clientid'), `clientid of ${what}`),
    scope: property('scope'),
    parameters: parametersOf(entry, property),
    ca:
      action.ca === undefined
        ? null
        : checkCertificates(
            readSecret(action.ca.name, action.ca.key),
            `key "${action.ca.key}" of Secret ${action.ca.name}`,
          ),
    ...(certificate === null
      ? {
          clientSecret: checkText(field('clientsecret'), `clientsecret of ${what}`),
          clientAuthentication: isInBody ? 'Body' : 'Basic',
          identity: null,
        }
      : {
          clientSecret: null,
          clientAuthentication: 'MutualTls',
          identity: checkKeyPair(certificate, field('key'), what),
        }),
  };
}

/**
 * The entry is written by who keeps the subaccount, the Secret by the namespace: it goes to the host that it names itself,
 * wherever the entry points.
 */
function tokenUrlOf(action: Action, property: Property, url: string, what: string): string {
  const own = httpsUrl(url);
  if (own === null) throw new LeatError('SECRET_INVALID', `url of ${what} is no URL of https://`);
  const given = property('tokenServiceURL') ?? '';
  if (given === '') {
    if (action.type !== 'OAuth2JwtBearer') throw invalid(`action ${action.type} needs its property tokenServiceURL`);
    return `${own.href.replace(/\/+$/, '')}/oauth2/token`;
  }
  if (property('tokenServiceURLType') === 'Common') {
    throw new LeatError('DESTINATION_ENTRY_UNSUPPORTED', 'actions do not know a tokenServiceURLType of Common');
  }
  const asked = httpsUrl(given);
  if (asked?.host !== own.host) {
    throw invalid(`its tokenServiceURL is not at the host that url of ${what} names: the Secret is sent there alone`);
  }
  return asked.href;
}

function httpsUrl(text: string): URL | null {
  const url = URL.parse(text);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '' ? url : null;
}

function parametersOf({ properties = {} }: EntryFacts, property: Property): OAuth2Client['parameters'] {
  return Object.keys(properties)
    .filter((name) => name.startsWith(BODY) && name !== BODY)
    .map((name) => {
      const parameter = name.slice(BODY.length);
      if (isOwnParameter(parameter)) throw invalid(`its property ${BODY}${parameter} is Leat's own to write`);
      return { name: parameter, value: property(name) ?? '' };
    });
}

function invalid(why: string): LeatError {
  return new LeatError('DESTINATION_ENTRY_INVALID', `the entry can't be used: ${why}`);
}

function notReady(why: string): LeatError {
  return new LeatError('DESTINATION_NOT_READY', why);
}
