// SPDX-License-Identifier: Apache-2.0
/** One Destination of SAP's transparent proxy as one of Leat's. What has no counterpart is said; nothing about trust is guessed. */
import { API_VERSION } from '../api/group.ts';
import type { Json } from './run-kubectl.ts';

export interface Migrated {
  /** `shop/erp`. */
  readonly from: string;
  readonly resource: Json;
  /** Sentences for people: what to decide, and what is not there. */
  readonly notes: readonly string[];
  readonly use: EntryUse;
}

/** What its DestinationSource has to allow. */
export interface EntryUse {
  /** Empty: the default one. */
  readonly source: string;
  readonly namespace: string;
  /** Null: a gateway, whose requests name it. */
  readonly name: string | null;
  readonly levels: readonly string[];
  readonly fragments: readonly string[];
  readonly chains: readonly string[];
}

const TENANTS = 'transparent-proxy.connectivity.api.sap/tenant-subdomains';
const ACTIONS: Readonly<Record<string, string>> = {
  OAuth2JWTBearer: 'OAuth2JwtBearer',
  OAuth2ClientCredentials: 'OAuth2ClientCredentials',
  OAuth2TechnicalUserPropagation: 'OAuth2TechnicalUserPropagation',
};
/** Fields of SAP's definition, version 1.9.9. */
const KNOWN = [
  'destinationRef',
  'fragmentRef',
  'chainRef',
  'destinationServiceInstanceName',
  'service',
  'accessControl',
  'actions',
];

/** @param sap of `destination.connectivity.api.sap/v1`, kind Destination */
export function migrateDestination(sap: Json): Migrated {
  const notes: string[] = [];
  const metadata = objectOf(sap.metadata);
  const spec = objectOf(sap.spec);
  const name = textOf(metadata.name);
  const namespace = textOf(metadata.namespace) || 'default';
  if (textOf(metadata.namespace) === '') notes.push('it names no namespace: default is taken');
  for (const field of Object.keys(spec)) {
    if (!KNOWN.includes(field)) notes.push(`spec.${field} is not known here, and was left out`);
  }
  const { name: entry, level } = objectOf(spec.destinationRef) as { name?: unknown; level?: unknown };
  const source = textOf(spec.destinationServiceInstanceName);
  const ofSource = source === '' ? {} : { source };
  const isGateway = entry === '*';
  const fragment = objectOf(spec.fragmentRef);
  const chain = objectOf(spec.chainRef);
  const tenants = readTenants(metadata, notes);
  const service = readService(spec, namespace, notes);
  if (isGateway) {
    noteGateway(fragment, chain, tenants, notes);
    const allow = { names: [], levels: typeof level === 'string' ? [level] : [] };
    const gateway = { ...ofSource, allow };
    const use = { source, namespace, name: null, levels: [], fragments: [], chains: [] };
    return done({ gateway, service, workloads: { all: true } }, use);
  }
  const from = {
    ...ofSource,
    name: textOf(entry),
    ...(level === undefined ? {} : { level }),
    ...readFragment(fragment, level, notes),
    ...(tenants.length === 0 ? {} : { tenants }),
    ...readChain(chain),
  };
  const actions = readActions(spec.actions, namespace, notes);
  const use = {
    source,
    namespace,
    name: textOf(entry),
    levels: [...new Set([...(typeof level === 'string' ? [level] : ['instance', 'subaccount']), ...levelOf(fragment)])],
    fragments: fragment.name === undefined ? [] : [textOf(fragment.name)],
    chains: chain.name === undefined ? [] : [textOf(chain.name)],
  };
  return done({ from, ...(actions.length === 0 ? {} : { actions }), service, workloads: { all: true } }, use);

  function done(migrated: Json, used: EntryUse): Migrated {
    const resource = { apiVersion: API_VERSION, kind: 'Destination', metadata: { name, namespace }, spec: migrated };
    return { from: `${namespace}/${name}`, resource, notes, use: used };
  }
}

function noteGateway(fragment: Json, chain: Json, tenants: readonly string[], notes: string[]): void {
  notes.push(
    'destinationRef.name is *, which lets every request have every entry: say in gateway.allow which names and levels are meant (patterns may hold *), and fragments and chains if requests name them; until then it is refused',
  );
  if (fragment.name !== undefined)
    notes.push('fragmentRef belongs to no gateway: requests name fragments, as with SAP');
  if (chain.name !== undefined)
    notes.push('chainRef was left out: requests to a gateway name the chain (X-Chain-Name)');
  if (tenants.length > 0) notes.push(`${TENANTS} was left out: requests to a gateway name the tenant`);
}

function readService(spec: Json, namespace: string, notes: string[]): Json {
  const port = objectOf(spec.service).port;
  if (port === undefined) {
    notes.push(
      'the Service has port 80, as SAP gives an entry of type HTTP; SAP gives 20004 for TCP, 389 for LDAP, 587, 465, 143, 993, 110 or 995 for MAIL: then say service.ports',
    );
  }
  const scope = objectOf(spec.accessControl).scope;
  if (scope === undefined) {
    notes.push(
      'accessControl.scope is not given, so the chart of SAP decided who may connect (default namespaced): only enrolled pods of the namespace may now; service.access admits others',
    );
  } else if (scope === 'clusterWide') {
    notes.push(
      'accessControl.scope is clusterWide: pods of all namespaces may have the credential. Say that if it is meant: service.access: [{ namespaces: { all: true }, workloads: { all: true } }]',
    );
  }
  const own = { namespaces: { names: [namespace] }, workloads: { all: true } };
  return {
    ...(port === undefined ? {} : { ports: [port] }),
    ...(scope === 'namespaced' ? { access: [own] } : {}),
  };
}

function readFragment(fragment: Json, level: unknown, notes: string[]): Json {
  if (fragment.name === undefined) return {};
  if (fragment.level !== undefined && level === undefined) {
    notes.push(
      'fragmentRef.level is given and destinationRef.level is not: say from.level, without which the service takes no level of a fragment',
    );
  }
  const { name, level: own, optional } = fragment;
  const one = { name, ...(own === undefined ? {} : { level: own }), ...(optional === true ? { optional } : {}) };
  return { fragments: [one] };
}

function levelOf({ level }: Json): string[] {
  return typeof level === 'string' ? [level] : [];
}

function readChain({ name, variables }: Json): Json {
  if (name === undefined) return {};
  const given = listOf(variables).map((variable) => {
    const { name: own, value } = objectOf(variable);
    return { name: own, value };
  });
  return { chain: { name, ...(given.length === 0 ? {} : { variables: given }) } };
}

function readTenants(metadata: Json, notes: string[]): string[] {
  const text = objectOf(metadata.annotations)[TENANTS];
  if (typeof text !== 'string') return [];
  try {
    const tenants: unknown = JSON.parse(text);
    if (Array.isArray(tenants) && tenants.every((tenant) => typeof tenant === 'string')) {
      notes.push('tenants need a DestinationSource with tenantMode shared, whose tenants.allow names them');
      return tenants;
    }
  } catch {
    // Told below.
  }
  notes.push(`the annotation ${TENANTS} holds no JSON list of names, and was left out`);
  return [];
}

function readActions(actions: unknown, namespace: string, notes: string[]): Json[] {
  return listOf(actions).flatMap((item, index) => {
    const { name, secretRef, triggers } = objectOf(item);
    const place = `actions[${index}]`;
    const type = ACTIONS[textOf(name)];
    if (type === undefined || !Object.hasOwn(ACTIONS, textOf(name))) {
      notes.push(`${place} is of a kind that is not known here, and was left out: requests are sent without its token`);
      return [];
    }
    const { name: secret, key, namespace: place2 } = objectOf(secretRef);
    if (place2 !== undefined && place2 !== namespace) {
      notes.push(
        `${place} has its Secret in namespace ${textOf(place2)}: a Destination reads its own namespace alone, so put a copy into ${namespace}`,
      );
    }
    notes.push(
      `Secret ${textOf(secret)} has to be released (label leat.dev/credential: "true"), and its JSON has to hold url, the one host that it is sent to`,
    );
    const migrated = listOf(triggers).map(migrateTrigger);
    if (migrated.includes(null)) {
      // Without one of its triggers it would apply where it is not meant.
      notes.push(`${place} has a trigger that is not known here, and was left out with it`);
      return [];
    }
    return [{ type, secret: { name: secret, key }, ...(migrated.length === 0 ? {} : { triggers: migrated }) }];
  });
}

/** Null: it says something that is not known here. */
function migrateTrigger(trigger: unknown): Json | null {
  const { name, destinationProperties, destinationLabelKeys, matches, ...others } = objectOf(trigger);
  if (Object.keys(others).length > 0) return null;
  if (name === 'exist' && matches === undefined) {
    return {
      exist: {
        ...(destinationProperties === undefined ? {} : { properties: destinationProperties }),
        ...(destinationLabelKeys === undefined ? {} : { labelKeys: destinationLabelKeys }),
      },
    };
  }
  if (name !== 'exactMatch' || destinationProperties !== undefined || destinationLabelKeys !== undefined) return null;
  const migrated = listOf(matches).map(migrateMatch);
  return migrated.length === 0 || migrated.includes(null) ? null : { exactMatch: migrated };
}

function migrateMatch(match: unknown): Json | null {
  const { destinationProperty, value, destinationLabelKey, values, ...others } = objectOf(match);
  if (Object.keys(others).length > 0) return null;
  if (destinationProperty !== undefined && value !== undefined && values === undefined) {
    return destinationLabelKey === undefined ? { property: destinationProperty, value } : null;
  }
  if (destinationLabelKey === undefined || values === undefined || value !== undefined) return null;
  return destinationProperty === undefined ? { labelKey: destinationLabelKey, values } : null;
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
