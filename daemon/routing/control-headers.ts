// SPDX-License-Identifier: Apache-2.0
/**
 * The request headers by which SAP's transparent proxy is told what a request is for (SAP Help, "Destination Gateway" and
 * following; SAP Cloud SDK for Java, `TransparentProxyDestination`). They are read and removed where a Destination is an
 * entry of a Destination service or a gateway to entries; elsewhere they are the application's own.
 */
import { FORMATS, type Format } from '../../api/schema/formats.ts';
import { LeatError } from '../errors/leat-error.ts';

export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** Those that only a gateway takes. */
export const GATEWAY_HEADERS = [
  'X-Destination-Name',
  'X-Destination-Level',
  'X-Fragment-Name',
  'X-Fragment-Level',
  'X-Fragment-Optional',
] as const;

export const LOCATION_HEADER = 'SAP-Connectivity-SCC-Location_ID';
export const REGION_HEADER = 'SAP-Connectivity-Region-Configuration-Id';

const OTHERS = [
  'X-Tenant-Subdomain',
  'X-Tenant-Id',
  'X-Token-Service-Tenant',
  'X-Subject-Token-Type',
  'X-Actor-Token',
  'X-Actor-Token-Type',
  'X-Redirect-Uri',
  'X-Code-Verifier',
  'X-Client-Assertion',
  'X-Client-Assertion-Type',
  'X-Client-Assertion-Destination-Name',
  'X-Chain-Name',
  LOCATION_HEADER,
  REGION_HEADER,
];
const ALL = [...GATEWAY_HEADERS, ...OTHERS];
const NAMES: ReadonlyMap<string, string> = new Map(ALL.map((name) => [name.toLowerCase(), name]));
const FOLDED: ReadonlySet<string> = new Set(ALL.map(fold));
const CHAIN_VARIABLE = /^x-chain-var-(.*)$/i;

/** As CGI and WSGI compare names: they can't tell `-` from `_`, so a copy in the other spelling must not go on either. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** Whether a field is for Leat and not for the target. */
export function isControlHeader(name: string): boolean {
  const folded = fold(name);
  return FOLDED.has(folded) || CHAIN_VARIABLE.test(folded);
}

export interface ControlFields {
  /** @throws CONTROL_HEADER_INVALID where it is empty */
  get(name: string): string | null;
  readonly chainVariables: readonly { readonly name: string; readonly value: string }[];
}

/** @throws CONTROL_HEADER_REPEATED: which of the two would count is not for Leat to choose */
export function collectControls(headers: HeaderFields): ControlFields {
  const found = new Map<string, string>();
  const repeated = new Set<string>();
  const chainVariables: { name: string; value: string }[] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const [, variable] = CHAIN_VARIABLE.exec(name) ?? [];
    if (variable === undefined && !NAMES.has(lower)) continue;
    if (found.has(lower)) repeated.add(NAMES.get(lower) ?? name);
    found.set(lower, value.trim());
    if (variable !== undefined) chainVariables.push({ name: variable, value: value.trim() });
  }
  if (repeated.size > 0) {
    const names = [...repeated].map((name) => name.slice(0, 64)).join(', ');
    throw new LeatError('CONTROL_HEADER_REPEATED', `the following headers may be sent only once: [${names}]`);
  }
  return {
    get(name) {
      const value = found.get(name.toLowerCase()) ?? null;
      if (value === '') throw new LeatError('CONTROL_HEADER_INVALID', `${name} is empty`);
      return value;
    },
    chainVariables,
  };
}

/** @throws CONTROL_HEADER_INVALID */
function checkControl(name: string, value: string, { pattern, maxLength, expected }: Format): string {
  if (value.length > maxLength) {
    throw new LeatError('CONTROL_HEADER_INVALID', `${name} exceeds the maximum length of ${maxLength}`);
  }
  if (!new RegExp(pattern).test(value)) {
    throw new LeatError(
      'CONTROL_HEADER_INVALID',
      `${name} holds characters that are not allowed: it must be ${expected}`,
    );
  }
  return value;
}

/** As {@link checkControl}; null where the header is not there. */
export function controlIn(fields: ControlFields, name: string, format: Format = FORMATS.entryName): string | null {
  const value = fields.get(name);
  return value === null ? null : checkControl(name, value, format);
}
