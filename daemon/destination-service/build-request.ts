// SPDX-License-Identifier: Apache-2.0
import type { ServiceLookup } from '../destination/destination.ts';
import type { HeaderFields } from './service-request.ts';

/**
 * The path that asks for an entry (SAP Help, "Find Destination" and "Consume Destination"): v1 looks in the instance first,
 * then in the subaccount; v2 asks one level.
 *
 * @param withTokens false: the configuration alone, which v2 has no word for
 */
export function entryPath({ name, level }: ServiceLookup, { withTokens }: { readonly withTokens: boolean }): string {
  const base = '/destination-configuration';
  if (level !== null) return `${base}/v2/destinations/${encodeURIComponent(name)}@${level}`;
  return `${base}/v1/destinations/${encodeURIComponent(name)}${withTokens ? '' : '?$skipTokenRetrieval=true'}`;
}

/** Fields that lay fragments over the entry and choose a chain. Names are of characters that need no encoding. */
export function lookupHeaders({ level, fragments, chain }: ServiceLookup): HeaderFields {
  const names = fragments.map((fragment) =>
    level === null || fragment.level === null ? fragment.name : `${fragment.name}@${fragment.level}`,
  );
  const [only] = fragments;
  return [
    ...(names.length === 0 ? [] : [['X-Fragment-Name', names.join(',')] as const]),
    ...(fragments.length === 1 && only?.optional === true ? [['X-Fragment-Optional', 'true'] as const] : []),
    ...(chain === null ? [] : [['X-Chain-Name', chain.name] as const]),
    ...(chain?.variables ?? []).map(({ name, value }) => [`X-Chain-Var-${name}`, value] as const),
  ];
}
