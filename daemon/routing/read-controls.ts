// SPDX-License-Identifier: Apache-2.0
import { type From, LEVELS, type Level } from '../../api/kinds/destination-source.ts';
import { FORMATS } from '../../api/schema/formats.ts';
import { type AskedEntry, allowsEntry } from '../destination/allow-entry.ts';
import { CHAIN_TOKENS } from '../destination/caller-headers.ts';
import { lookUpForActions } from '../destination/compile-actions.ts';
import type { SourceAccess } from '../destination/compile-source.ts';
import type { ControlRule, Destination, ServiceLookup } from '../destination/destination.ts';
import { entryNotFound, fragmentNotFound } from '../destination/entry-not-found.ts';
import { findService, findSource } from '../destination/find-source.ts';
import { lookUpEntry } from '../destination/look-up-entry.ts';
import { LeatError } from '../errors/leat-error.ts';
import {
  type ControlFields,
  collectControls,
  controlIn,
  GATEWAY_HEADERS,
  type HeaderFields,
  LOCATION_HEADER,
  REGION_HEADER,
} from './control-headers.ts';
import { readTenant } from './read-tenant.ts';

/** What a request is for, by its headers. */
export interface AskedTarget {
  readonly source: SourceAccess;
  readonly lookup: ServiceLookup;
  /** null: that of the entry. */
  readonly locationId: string | null;
  readonly region: string | null;
  /** Nothing in the request changes what the Destination itself says. */
  readonly isAsWritten: boolean;
}

/**
 * Reads SAP's control headers of a request to a gateway or to an entry. What may not be asked for looks as if it were not
 * there.
 * @param namespace of the workload
 * @throws CONTROL_HEADER_*, CLIENT_ASSERTION_MIXED, TENANT_UNKNOWN, DESTINATION_SOURCE_NOT_FOUND, DESTINATION_NOT_READY,
 * DESTINATION_ENTRY_NOT_FOUND, FRAGMENT_NOT_FOUND
 */
export function readControls(
  rule: ControlRule,
  destination: Pick<Destination, 'namespace'>,
  headers: HeaderFields,
  namespace: string,
  sources: ReadonlyMap<string, SourceAccess>,
): AskedTarget {
  const fields = collectControls(headers);
  const asked = rule.from === null ? readEntry(fields) : readOverrides(fields, rule.from);
  const asking = destination.namespace ?? namespace;
  const source = findSource(rule.source, asking, sources);
  const tenant = readTenant(fields, source, asking, rule);
  const allows = (entry: AskedEntry): boolean =>
    (rule.allow === null || allowsEntry(rule.allow, entry)) && source.allows(asking, entry);
  const entry = asked === rule.from ? asked : admit(asked, allows, source.name);
  checkAssertion(fields, entry, allows, source.name);
  controlIn(fields, 'X-Token-Service-Tenant', FORMATS.tenantId);
  const locationId = controlIn(fields, LOCATION_HEADER, FORMATS.locationId);
  const region = controlIn(fields, REGION_HEADER);
  return {
    source,
    lookup: lookUpForActions(lookUpEntry(entry, findService(source), tenant), rule.actions),
    locationId,
    region,
    isAsWritten: asked === rule.from && locationId === null && region === null && tenant === rule.tenant,
  };
}

function readEntry(fields: ControlFields): AskedEntry {
  const name = controlIn(fields, 'X-Destination-Name');
  if (name === null) throw new LeatError('CONTROL_HEADER_MISSING', 'X-Destination-Name is missing: this is a gateway');
  const level = levelIn(fields, 'X-Destination-Level');
  const fragment = controlIn(fields, 'X-Fragment-Name');
  const fragmentLevel = levelIn(fields, 'X-Fragment-Level');
  const optional = fields.get('X-Fragment-Optional');
  if (optional !== null && !/^(?:true|false)$/i.test(optional)) {
    throw new LeatError('CONTROL_HEADER_INVALID', 'X-Fragment-Optional must be true or false');
  }
  if (fragmentLevel !== undefined && fragment === null) {
    throw new LeatError('CONTROL_HEADER_INVALID', 'X-Fragment-Level is sent without X-Fragment-Name');
  }
  if (fragmentLevel !== undefined && level === undefined) {
    // The service takes levels of fragments only where it is told that of the destination.
    throw new LeatError('CONTROL_HEADER_INVALID', 'X-Fragment-Level is sent without X-Destination-Level');
  }
  const chain = readChain(fields, undefined);
  return {
    name,
    ...(level === undefined ? {} : { level }),
    ...(fragment === null
      ? {}
      : {
          fragments: [
            {
              name: fragment,
              optional: optional?.toLowerCase() === 'true',
              ...(fragmentLevel === undefined ? {} : { level: fragmentLevel }),
            },
          ],
        }),
    ...(chain === undefined ? {} : { chain }),
  };
}

/** What a request may change of an entry that its Destination names: the chain. The same object where it changes nothing. */
function readOverrides(fields: ControlFields, from: From): AskedEntry {
  const foreign = GATEWAY_HEADERS.find((name) => fields.get(name) !== null);
  if (foreign !== undefined) {
    throw new LeatError(
      'CONTROL_HEADER_NOT_HERE',
      `${foreign} is for gateways: what was connected to is bound to one destination`,
    );
  }
  const chain = readChain(fields, from.chain);
  return chain === from.chain || chain === undefined ? from : { ...from, chain };
}

function readChain(fields: ControlFields, written: From['chain']): From['chain'] {
  const name = controlIn(fields, 'X-Chain-Name');
  const variables = fields.chainVariables
    // Tokens are the caller's, and no part of what is asked for.
    .filter((variable) => !CHAIN_TOKENS.has(`x-chain-var-${variable.name.toLowerCase()}`))
    .map(({ name: variable, value }) => ({
      name: checkVariable(variable, variable, 'entryName'),
      value: checkVariable(variable, value, 'headerValue'),
    }));
  if (name !== null) return { name, variables };
  if (variables.length === 0) return written;
  if (written === undefined) {
    throw new LeatError('CONTROL_HEADER_INVALID', 'X-Chain-Var-* is sent without X-Chain-Name');
  }
  const given = new Set(variables.map((variable) => variable.name.toLowerCase()));
  const kept = (written.variables ?? []).filter((variable) => !given.has(variable.name.toLowerCase()));
  return { name: written.name, variables: [...kept, ...variables] };
}

function checkVariable(variable: string, text: string, format: 'entryName' | 'headerValue'): string {
  const { pattern, maxLength } = FORMATS[format];
  if (text.length <= maxLength && new RegExp(pattern).test(text)) return text;
  const name = variable.replaceAll(/[^-\w.]/g, '?').slice(0, 64);
  throw new LeatError('CONTROL_HEADER_INVALID', `X-Chain-Var-${name} has a name or value that is not allowed`);
}

function levelIn(fields: ControlFields, name: string): Level | undefined {
  const text = fields.get(name);
  if (text === null) return undefined;
  const level = LEVELS.find((known) => known === text);
  if (level === undefined) {
    throw new LeatError('CONTROL_HEADER_INVALID', `${name} must be one of ${LEVELS.join(', ')}`);
  }
  return level;
}

/** A fragment that may be missing, and may not be used, is missing. */
function admit(asked: AskedEntry, allows: (entry: AskedEntry) => boolean, source: string): AskedEntry {
  if (allows(asked)) return asked;
  const { fragments, ...bare } = asked;
  const [fragment] = fragments ?? [];
  if (fragment === undefined || !allows(bare)) throw entryNotFound(source, asked);
  if (fragment.optional === true) return bare;
  throw fragmentNotFound(source, [fragment.name]);
}

/** An assertion that is made for the client: given, or that of another entry. */
function checkAssertion(
  fields: ControlFields,
  entry: AskedEntry,
  allows: (entry: AskedEntry) => boolean,
  source: string,
): void {
  const assertion = fields.get('X-Client-Assertion');
  const type = fields.get('X-Client-Assertion-Type');
  const name = controlIn(fields, 'X-Client-Assertion-Destination-Name');
  if (name !== null && (assertion !== null || type !== null)) {
    throw new LeatError(
      'CLIENT_ASSERTION_MIXED',
      'X-Client-Assertion-Destination-Name is mixed with X-Client-Assertion or X-Client-Assertion-Type',
    );
  }
  if ((assertion === null) !== (type === null)) {
    throw new LeatError('CONTROL_HEADER_MISSING', 'X-Client-Assertion and X-Client-Assertion-Type need each other');
  }
  if (name === null) return;
  const other = { name, ...(entry.level === undefined ? {} : { level: entry.level }) };
  if (!allows(other)) throw entryNotFound(source, other);
}
