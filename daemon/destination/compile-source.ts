// SPDX-License-Identifier: Apache-2.0
import { SOURCE_DEFAULTS } from '../../api/defaults.ts';
import type { DestinationSource, From, Level } from '../../api/kinds/destination-source.ts';
import { asLeatError, type LeatError } from '../errors/leat-error.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import { checkCertificates } from './check-pem.ts';
import type { ServiceImport, ServiceInstance } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import { type IdentityFiles, readServiceBinding } from './service-binding.ts';

export interface SourceAccess {
  readonly name: string;
  readonly isDefault: boolean;
  readonly resolved: { readonly service: ServiceInstance } | { readonly problem: LeatError };
  readonly tunnel: string | null;
  readonly allowInsecure: boolean;
  /** What is imported: of which level, which names. */
  readonly imports: readonly ImportRule[];
  /** Whether any part of `allow` names the namespace: to all others the source does not exist. */
  readonly admits: (namespace: string) => boolean;
  readonly allows: (namespace: string, from: From) => boolean;
  /** The same for whichever namespace. */
  readonly allowsSomebody: (from: From) => boolean;
}

export interface ImportRule {
  readonly level: ServiceImport['level'];
  readonly selects: (name: string) => boolean;
  readonly allowCleartext: boolean;
}

/** What a DestinationSource is, and for whom. Its Secrets are those of Leat's own namespace. */
export function compileSource(
  { metadata, spec }: DestinationSource,
  readSecret: ReadSecret,
  labelsOf: NamespaceLabels,
  files: IdentityFiles = new Map(),
): SourceAccess {
  const entries = spec.allow.map(({ namespaces, destinationNames, levels, fragmentNames = [], chainNames = [] }) => ({
    selects: selectNamespaces(namespaces, labelsOf),
    allows: (from: From) =>
      matchesAny(destinationNames, from.name) &&
      levelsOf(from).every((level) => levels.includes(level)) &&
      (from.fragments ?? []).every(({ name }) => matchesAny(fragmentNames, name)) &&
      (from.chain === undefined ||
        (matchesAny(chainNames, from.chain.name) && allowsVariables(from.chain, destinationNames, fragmentNames))),
  }));
  return {
    name: metadata.name,
    isDefault: spec.default ?? false,
    resolved: resolve(metadata.name, spec, readSecret, files),
    tunnel: spec.tunnel ?? null,
    allowInsecure: spec.allowInsecure ?? false,
    admits: (namespace) => entries.some(({ selects }) => selects(namespace)),
    allows: (namespace, from) => entries.some((entry) => entry.selects(namespace) && entry.allows(from)),
    allowsSomebody: (from) => entries.some((entry) => entry.allows(from)),
    imports: (spec.import ?? []).map(({ level, names, allowCleartext = false }) => ({
      level,
      selects: (name) => matchesAny(names, name),
      allowCleartext,
    })),
  };
}

function resolve(
  name: string,
  spec: DestinationSource['spec'],
  readSecret: ReadSecret,
  files: IdentityFiles,
): SourceAccess['resolved'] {
  try {
    const ca =
      spec.ca === undefined
        ? null
        : checkCertificates(readSecret(spec.ca.name, spec.ca.key), `key "${spec.ca.key}" of Secret ${spec.ca.name}`);
    const requestTimeoutMs = spec.timeouts?.requestMs ?? SOURCE_DEFAULTS.requestMs;
    return { service: { name, ca, requestTimeoutMs, ...readServiceBinding(spec.binding, { ca, readSecret, files }) } };
  } catch (error) {
    return { problem: asLeatError(error) };
  }
}

/** Without a level the service looks in two of them. */
function levelsOf({ level, fragments = [] }: From): Level[] {
  const asked: Level[] = level === undefined ? ['instance', 'subaccount'] : [level];
  return asked.concat(fragments.flatMap((fragment) => fragment.level ?? []));
}

/** Variables of chains name further entries and fragments (`tokenTransformationDestinationName`): no way around `allow`. */
function allowsVariables(
  { variables = [] }: NonNullable<From['chain']>,
  destinationNames: readonly string[],
  fragmentNames: readonly string[],
): boolean {
  return variables.every(({ name, value }) => {
    if (/destinationname$/i.test(name)) return matchesAny(destinationNames, value);
    return /fragmentname$/i.test(name) ? matchesAny(fragmentNames, value) : true;
  });
}

/** `*` stands for any run of characters. */
function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matches(pattern.split('*'), name));
}

/** Piece by piece from the left, which is enough: no backtracking, whatever the pattern. */
function matches(pieces: readonly string[], name: string): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
