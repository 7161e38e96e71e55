// SPDX-License-Identifier: Apache-2.0
import type { ResourceSet } from '../../api/resource-set.ts';
import { secretNamespaceOf } from '../../api/secret-names.ts';
import { compileDestination, type DestinationContext, destinationId } from '../destination/compile-destination.ts';
import type { Destination, ServiceLookup } from '../destination/destination.ts';
import { findPortProblem } from '../destination/find-port-problem.ts';
import type { NodePolicy } from '../policy/node-policy.ts';
import type { CompileMemory } from './compile-memory.ts';
import { refuse } from './refuse.ts';
import type { ResourceProblem } from './snapshot.ts';
import { toProblem } from './to-problem.ts';

type Report = (problem: ResourceProblem) => void;

/** What the Destinations of a set became. */
export interface CompiledDestinations {
  readonly compiled: readonly Destination[];
  readonly lookups: ReadonlyMap<string, ServiceLookup>;
  readonly ofTenants: ReadonlyMap<string, ReadonlyMap<string, Destination>>;
}

/** Whether it depends on nothing but resources: what was fetched for one of them changes without any of these. */
export function isSettled({ lookups, ofTenants }: CompiledDestinations): boolean {
  return lookups.size === 0 && ofTenants.size === 0;
}

/** Each Destination that is written, compiled anew only where something changed that it depends on. */
export function compileDestinations(
  set: ResourceSet,
  { policy, memory, ...parts }: Omit<DestinationContext, 'onLookup'> & { policy: NodePolicy; memory: CompileMemory },
  report: Report,
): CompiledDestinations {
  const lookups = new Map<string, ServiceLookup>();
  const refusals = new Map(set.refused?.map(({ resource, reason }) => [resource, reason]));
  let lookupsOfOne = 0;
  const context: DestinationContext = {
    ...parts,
    onLookup(lookup) {
      lookupsOfOne += 1;
      lookups.set(lookup.key, lookup);
    },
  };
  const { secretsOf, leatNamespace, labelsOf, tunnels, sources } = parts;
  const ofTenants = new Map<string, ReadonlyMap<string, Destination>>();
  const compiled = [...set.destinations, ...set.clusterDestinations].map((resource) => {
    const secrets = secretsOf(secretNamespaceOf(resource, leatNamespace));
    const refusal = refusals.size === 0 ? null : (refusals.get(destinationId(resource)) ?? null);
    return memory.ofResource(resource, [secrets, labelsOf, tunnels, sources, policy, refusal], report, (reportOne) => {
      lookupsOfOne = 0;
      const compiledOne = hold(refuseDestination(compileDestination(resource, context), refusal), memory.places);
      const value = admit(compiledOne, policy, reportOne);
      const tenants = compileTenants(resource, context, refusal, reportOne);
      if (tenants.size > 0) ofTenants.set(value.id, tenants);
      return { value, keep: lookupsOfOne === 0 && tenants.size === 0 };
    });
  });
  return { compiled, lookups, ofTenants };
}

/** The Destination once more for each tenant that it has a Service for; what is wrong is told under its own name. */
function compileTenants(
  resource: ResourceSet['destinations'][number] | ResourceSet['clusterDestinations'][number],
  context: DestinationContext,
  refusal: string | null,
  report: Report,
): ReadonlyMap<string, Destination> {
  const ofTenants = new Map<string, Destination>();
  for (const value of resource.spec.from?.tenants ?? []) {
    const destination = refuseDestination(compileDestination(resource, context, { kind: 'subdomain', value }), refusal);
    ofTenants.set(value, destination);
    if (!destination.resolved.ready) report(toProblem(destinationId(resource), destination.resolved.problem));
  }
  return ofTenants;
}

function refuseDestination(destination: Destination, reason: string | null): Destination {
  return refuse(destination, reason, (problem) => ({ ready: false, problem }));
}

/** One that has its hosts from its entry keeps them where that can't be had any more. */
function hold(destination: Destination, places: CompileMemory['places']): Destination {
  const { id, hosts, resolved, controls } = destination;
  if (resolved.ready || hosts.length > 0 || controls?.from == null) return destination;
  return { ...destination, ...places.placeOf(id) };
}

/** Names that the Destination may not claim are taken off it before anything can find it under them. */
function admit(compiled: Destination, policy: NodePolicy, report: (problem: ResourceProblem) => void): Destination {
  const hosts = compiled.hosts.filter((host) => {
    const claim = policy.mayClaim(compiled.namespace, host);
    if (!claim.allowed) {
      const message = `NodePolicy ${policy.name} does not let it claim ${host}: ${claim.reason}; ask a cluster administrator`;
      report({ resource: compiled.id, reason: 'HostNotAllowed', message });
    }
    return claim.allowed;
  });
  const destination = hosts.length === compiled.hosts.length ? compiled : { ...compiled, hosts };
  const told = new Set<string>();
  for (const port of destination.ports) {
    const problem = findPortProblem(destination, port);
    if (problem === null || told.has(problem.message)) continue;
    told.add(problem.message);
    report(toProblem(destination.id, problem));
  }
  return destination;
}
