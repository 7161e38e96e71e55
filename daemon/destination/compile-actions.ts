// SPDX-License-Identifier: Apache-2.0
/** Actions: tokens that Leat gets by itself from SAP Cloud Identity Services, in place of what an entry says (SAP Help, "Actions"). */
import type { DestinationAction } from '../../api/kinds/destination-action.ts';
import { LeatError } from '../errors/leat-error.ts';
import { compileActionClient, type PropertyOf } from './compile-action-client.ts';
import type { ActionRule, Authentication, EntryFacts, ServiceLookup } from './destination.ts';
import { digestOf } from './digest.ts';
import type { ReadSecret } from './release-secret.ts';

type Action = DestinationAction;
type Trigger = NonNullable<Action['triggers']>[number];

/** What the same is called by SAP, who allows an action on an entry that says it. */
const SAP_TYPE: Readonly<Record<Action['type'], string>> = {
  OAuth2JwtBearer: 'OAuth2JWTBearer',
  OAuth2ClientCredentials: 'OAuth2ClientCredentials',
  OAuth2TechnicalUserPropagation: 'OAuth2TechnicalUserPropagation',
};
const REPLACED = ['NoAuthentication', 'ClientHandledAuthentication'];

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
  const client = compileActionClient(action, property, Object.keys(entry.properties ?? {}), readSecret);
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

function propertiesOf({ properties = {} }: EntryFacts): PropertyOf {
  return (name) => (Object.hasOwn(properties, name) ? (properties[name]?.reveal() ?? null) : null);
}

function notReady(why: string): LeatError {
  return new LeatError('DESTINATION_NOT_READY', why);
}
