// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import type { AnyEntrySpec, DestinationFromSpec } from '../../api/kinds/destination.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { compileActions, lookUpForActions } from './compile-actions.ts';
import type { SourceAccess } from './compile-source.ts';
import type { TunnelAccess } from './compile-tunnel.ts';
import type { ControlRule, Destination, ServiceLookup, Tenant } from './destination.ts';
import { tenantUnknown } from './entry-not-found.ts';
import { findService, findSource, notAllowed } from './find-source.ts';
import type { Place } from './held-places.ts';
import { lookUpEntry } from './look-up-entry.ts';
import type { ReadSecret } from './release-secret.ts';
import type { EntryOf } from './service-entry.ts';
import { type EntryParts, useEntry } from './use-entry.ts';

export interface FromContext {
  readonly sources: ReadonlyMap<string, SourceAccess>;
  readonly tunnels: ReadonlyMap<string, TunnelAccess>;
  readonly entryOf: EntryOf;
  /** Reads Secrets of one namespace. */
  readonly secretsOf: (namespace: string) => ReadSecret;
  readonly leatNamespace: string;
}

export interface CompiledFrom {
  readonly parts: EntryParts & Pick<Destination, 'controls'>;
  /** Null where nothing may be asked. */
  readonly lookup: ServiceLookup | null;
  /** Namespaces that the source lets have the entry. */
  readonly admits: (namespace: string) => boolean;
}

/**
 * A Destination that is an entry of a Destination service. To a namespace that no part of a source's `allow` names, the
 * source does not exist: same code, same words. What is not fetched yet, or can't be used, is not ready; its hosts are
 * those that the Destination gives, so that what is sent there fails. Without any, they are known with the entry only, be it
 * one that can't be used.
 *
 * Where the source is for several tenants, and the Destination for none of them, each request says which.
 *
 * @param namespace the Destination's own; null for a ClusterDestination, where each workload's namespace is asked
 * @param tenant the one that its Service is for; null: none
 */
export function compileFrom(
  spec: DestinationFromSpec,
  namespace: string | null,
  context: FromContext,
  tenant: Tenant | null = null,
): CompiledFrom {
  const { from } = spec;
  const readSecret = context.secretsOf(namespace ?? context.leatNamespace);
  const actions = compileActions(spec.actions ?? [], readSecret);
  const controls = { source: from.source, from, allow: null, tenant, timeouts: spec.timeouts ?? {}, actions };
  let lookup: ServiceLookup | null = null;
  let admits: CompiledFrom['admits'] = () => false;
  let place: Place | null = null;
  try {
    const source = findSource(from.source, namespace, context.sources);
    admits = (asking) => source.allows(asking, from);
    if (namespace !== null && !admits(namespace)) throw notAllowed(source, namespace);
    if (tenant !== null) checkTenant(tenant, source, namespace);
    const service = findService(source);
    if (tenant === null && source.tenants !== null) return { parts: askedPerRequest(spec, controls), lookup, admits };
    lookup = lookUpForActions(lookUpEntry(from, service, tenant), actions);
    const fetched = context.entryOf(lookup);
    if (fetched === null) {
      throw new LeatError('DESTINATION_ENTRY_PENDING', `"${lookup.name}" is not fetched yet from "${source.name}"`);
    }
    if ('problem' in fetched) {
      place = fetched.place ?? null;
      throw fetched.problem;
    }
    const { entry } = fetched;
    place = { hosts: [entry.host], ports: entry.ports };
    const use = { hosts: spec.hosts ?? [entry.host], timeouts: controls.timeouts, lookup, actions };
    return { parts: { ...useEntry(entry, use, source, namespace, context.tunnels), controls }, lookup, admits };
  } catch (error) {
    const problem = asLeatError(error);
    // Who waits for a server to speak first must not wait for an answer in HTTP.
    const parts = tenant === null ? notReady(spec, problem, 'http', place) : notReady(spec, problem, 'tcp');
    return { parts: { ...parts, controls }, lookup, admits };
  }
}

/** A Destination whose requests name the entry that they are for. */
export function compileGateway(
  spec: Extract<AnyEntrySpec, { gateway: object }>,
  namespace: string | null,
  { sources }: FromContext,
): CompiledFrom {
  const { source: name, allow } = spec.gateway;
  const { names, levels, fragments = [], chains = [] } = allow;
  const rule = { names, levels, fragments, chains };
  const controls = {
    source: name,
    from: null,
    allow: rule,
    tenant: null,
    timeouts: spec.timeouts ?? {},
    actions: null,
  };
  let admits: CompiledFrom['admits'] = () => false;
  try {
    const source = findSource(name, namespace, sources);
    admits = source.admits;
    findService(source);
    return { parts: askedPerRequest(spec, controls), lookup: null, admits };
  } catch (error) {
    return { parts: { ...notReady(spec, asLeatError(error)), controls }, lookup: null, admits };
  }
}

/** Tenants are names that an administrator allows: one that is not there, and one that is not allowed, look alike. */
function checkTenant(tenant: Tenant, { name, tenants }: SourceAccess, namespace: string | null): void {
  if (tenants !== null && namespace !== null && tenants.allows(namespace, tenant)) return;
  throw tenantUnknown(name, tenant);
}

/** Where it goes is in each request. Should it ever be dialled without one: a name that no one can resolve (RFC 6761 §6.4). */
function askedPerRequest(spec: AnyEntrySpec, controls: ControlRule): CompiledFrom['parts'] {
  const upstream = { host: 'unasked.leat.invalid', port: 1, pathPrefix: '', tls: null };
  return {
    ...withoutEntry(spec),
    ports: [{ port: 80, protocol: 'http', upstream }],
    resolved: { ready: true, route: { type: 'internet' }, authentication: { type: 'None' } },
    controls,
  };
}

/**
 * Hosts that are given are held, and so is the entry's own, so that a request is answered with the reason: on the entry's
 * ports, or on the one that a URL of http:// has.
 */
function notReady(
  spec: AnyEntrySpec,
  problem: LeatError,
  protocol: 'http' | 'tcp' = 'http',
  place: Place | null = null,
): EntryParts {
  const upstream = { host: null, port: 80, pathPrefix: '', tls: null };
  return {
    ...withoutEntry(spec),
    hosts: spec.hosts ?? place?.hosts ?? [],
    ports: place?.ports ?? [{ port: 80, protocol, upstream }],
    resolved: { ready: false, problem },
  };
}

function withoutEntry({ hosts = [], timeouts }: AnyEntrySpec) {
  return {
    hosts,
    headers: [],
    queries: [],
    connectTimeoutMs: timeouts?.connectMs ?? DESTINATION_DEFAULTS.connectMs,
    responseTimeoutMs: timeouts?.responseMs ?? DESTINATION_DEFAULTS.responseMs,
  };
}
