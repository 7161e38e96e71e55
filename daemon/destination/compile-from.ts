// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import type { DestinationFromSpec } from '../../api/kinds/destination.ts';
import type { From } from '../../api/kinds/destination-source.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { SourceAccess } from './compile-source.ts';
import type { TunnelAccess } from './compile-tunnel.ts';
import type { ServiceLookup } from './destination.ts';
import { digestOf } from './digest.ts';
import type { EntryOf } from './service-entry.ts';
import { type EntryParts, useEntry } from './use-entry.ts';

export interface FromContext {
  readonly sources: ReadonlyMap<string, SourceAccess>;
  readonly tunnels: ReadonlyMap<string, TunnelAccess>;
  readonly entryOf: EntryOf;
}

export interface CompiledFrom {
  readonly parts: EntryParts;
  /** Null where nothing may be asked. */
  readonly lookup: ServiceLookup | null;
  /** Namespaces that the source lets have the entry. */
  readonly admits: (namespace: string) => boolean;
}

/**
 * A Destination that is an entry of a Destination service. To a namespace that no part of a source's `allow` names, the
 * source does not exist: same code, same words. What is not fetched yet, or can't be used, is not ready; its hosts are
 * those that the Destination gives, so that what is sent there fails. Without any, they are known with the entry only.
 *
 * @param namespace the Destination's own; null for a ClusterDestination, where each workload's namespace is asked
 */
export function compileFrom(spec: DestinationFromSpec, namespace: string | null, context: FromContext): CompiledFrom {
  let lookup: ServiceLookup | null = null;
  let admits: CompiledFrom['admits'] = () => false;
  try {
    const source = findSource(spec.from, namespace, context.sources);
    admits = (asking) => source.allows(asking, spec.from);
    if (namespace !== null && !admits(namespace)) {
      throw new LeatError(
        'DESTINATION_SOURCE_NOT_ALLOWED',
        `DestinationSource "${source.name}" does not allow namespace ${namespace} this name, level, fragment or chain`,
      );
    }
    if ('problem' in source.resolved) {
      // The source's Secrets are the administrator's: their names are told under the source, not to whoever uses it.
      throw new LeatError(
        'DESTINATION_NOT_READY',
        `DestinationSource "${source.name}" is not ready: ask a cluster administrator`,
      );
    }
    lookup = lookupOf(spec.from, source.resolved.service);
    const fetched = context.entryOf(lookup);
    if (fetched === null) {
      throw new LeatError('DESTINATION_ENTRY_PENDING', `"${lookup.name}" is not fetched yet from "${source.name}"`);
    }
    if ('problem' in fetched) throw fetched.problem;
    const use = { hosts: spec.hosts ?? [fetched.entry.host], timeouts: spec.timeouts ?? {}, lookup };
    return { parts: useEntry(fetched.entry, use, source, namespace, context.tunnels), lookup, admits };
  } catch (error) {
    return { parts: notReady(spec, asLeatError(error)), lookup, admits };
  }
}

function findSource(
  { source: name }: From,
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

function lookupOf({ name, level, fragments = [], chain }: From, service: ServiceLookup['service']): ServiceLookup {
  if (level !== undefined && !service.answersLevels) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      `DestinationSource "${service.name}" is asked with a token of IAS, for which the service knows no levels: leave from.level out`,
    );
  }
  const asked = {
    name,
    level: level ?? null,
    fragments: fragments.map((fragment) => ({
      name: fragment.name,
      level: fragment.level ?? null,
      optional: fragment.optional ?? false,
    })),
    chain: chain === undefined ? null : { name: chain.name, variables: chain.variables ?? [] },
  };
  return { ...asked, service, key: digestOf([service.name, service.uri, service.instance, asked]) };
}

/** Hosts that are given are held, on the port that a URL of http:// has, so that a request is answered with the reason. */
function notReady({ hosts = [], timeouts }: DestinationFromSpec, problem: LeatError): EntryParts {
  const upstream = { host: null, port: 80, pathPrefix: '', tls: null };
  return {
    hosts,
    ports: [{ port: 80, protocol: 'http', upstream }],
    headers: [],
    queries: [],
    connectTimeoutMs: timeouts?.connectMs ?? DESTINATION_DEFAULTS.connectMs,
    responseTimeoutMs: timeouts?.responseMs ?? DESTINATION_DEFAULTS.responseMs,
    resolved: { ready: false, problem },
  };
}
