// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { SourceAccess } from './compile-source.ts';
import type { ServiceInstance } from './destination.ts';

/**
 * @param name undefined: the default one
 * @param namespace whose it is asked for; null for a ClusterDestination, where each workload's namespace is asked later
 * @throws DESTINATION_SOURCE_NOT_FOUND, also where there is one that does not admit the namespace
 */
export function findSource(
  name: string | undefined,
  namespace: string | null,
  sources: ReadonlyMap<string, SourceAccess>,
): SourceAccess {
  const found = name === undefined ? defaultOf(sources) : sources.get(name);
  if (found !== undefined && (namespace === null || found.admits(namespace))) return found;
  const what = name === undefined ? 'no default DestinationSource' : `no DestinationSource "${name}"`;
  const forWhom = namespace === null ? '' : ` that admits namespace ${namespace}: ask a cluster administrator`;
  throw new LeatError('DESTINATION_SOURCE_NOT_FOUND', `there is ${what}${forWhom}`);
}

/** Of two, neither: which one is meant can't be guessed where credentials depend on it. */
function defaultOf(sources: ReadonlyMap<string, SourceAccess>): SourceAccess | undefined {
  const [first, second] = [...sources.values()].filter(({ isDefault }) => isDefault);
  return second === undefined ? first : undefined;
}

/** The source's Secrets are the administrator's: their names are told under the source, not to whoever uses it. */
export function findService({ name, resolved }: SourceAccess): ServiceInstance {
  if ('service' in resolved) return resolved.service;
  throw new LeatError('DESTINATION_NOT_READY', `DestinationSource "${name}" is not ready: ask a cluster administrator`);
}

/** The error for a namespace that is admitted, but not to what it asks for. */
export function notAllowed({ name }: SourceAccess, namespace: string): LeatError {
  return new LeatError(
    'DESTINATION_SOURCE_NOT_ALLOWED',
    `DestinationSource "${name}" does not allow namespace ${namespace} this name, level, fragment or chain`,
  );
}
