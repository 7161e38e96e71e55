// SPDX-License-Identifier: Apache-2.0
import type { Secret } from '../../api/kinds/core.ts';
import type { DestinationSource } from '../../api/kinds/destination-source.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import { compileDestination, type DestinationContext, destinationId } from '../destination/compile-destination.ts';
import { compileImports, listImports } from '../destination/compile-imports.ts';
import { compileSource, type SourceAccess } from '../destination/compile-source.ts';
import { compileTunnel, type TunnelAccess } from '../destination/compile-tunnel.ts';
import type { Destination, ServiceLookup } from '../destination/destination.ts';
import { findConflicts } from '../destination/find-conflicts.ts';
import { findContested } from '../destination/find-contested.ts';
import { findPortProblem } from '../destination/find-port-problem.ts';
import { indexDestinations, MAX_PER_HOST } from '../destination/index-destinations.ts';
import { indexServices } from '../destination/index-services.ts';
import { createSecretReaders, type ReadSecret } from '../destination/release-secret.ts';
import type { IdentityFiles } from '../destination/service-binding.ts';
import type { EntryOf, ImportOf } from '../destination/service-entry.ts';
import { conditionReason } from '../errors/condition-reason.ts';
import { LeatError } from '../errors/leat-error.ts';
import { compileNodePolicy } from '../policy/compile-node-policy.ts';
import type { NodePolicy } from '../policy/node-policy.ts';
import { selectNodePolicy } from '../policy/select-node-policy.ts';
import { indexWorkloads } from '../workload/index-workloads.ts';
import type { Labels } from '../workload/match-labels.ts';
import { type NamespaceLabels, namespaceLabels } from '../workload/select-namespaces.ts';
import { CompileMemory } from './compile-memory.ts';
import type { ResourceProblem, Snapshot } from './snapshot.ts';

/** What the daemon knows of its node and its installation, apart from resources. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Labels;
  /** Default `leat-system`. */
  readonly leatNamespace?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Certificates and keys of the node's own folder; default none. */
  readonly identityFiles?: IdentityFiles;
}

const NO_FILES: IdentityFiles = new Map();

/**
 * Everything that decisions need, from the resources of one moment. Never throws: what is wrong with a resource is a
 * problem that names it, and whatever depends on it is refused rather than done without it.
 *
 * @param entryOf what was fetched so far of `lookups`, which the snapshot names; default nothing
 * @param importOf the same of `imports`
 * @param memory of the snapshot before: what did not change in between is not compiled again
 */
export function compileSnapshot(
  set: ResourceSet,
  node: NodeFacts,
  entryOf: EntryOf = () => null,
  memory: CompileMemory = new CompileMemory(),
  importOf: ImportOf = () => null,
): Snapshot {
  memory.begin();
  const { leatNamespace = 'leat-system', clusterDomain = 'cluster.local', identityFiles = NO_FILES } = node;
  const problems: ResourceProblem[] = [];
  const report = (problem: ResourceProblem): void => {
    problems.push(problem);
  };
  const labelsOf = memory.keep('labels', [set.namespaces], report, () => namespaceLabels(set.namespaces));
  const secretsOf = rememberReaders(set.secrets, memory);

  const nodeLabels = JSON.stringify(node.labels);
  const policyInputs = [set.nodePolicies, set.tunnels, labelsOf, nodeLabels, clusterDomain];
  const policy = memory.keep('policy', policyInputs, report, (reportPolicy) =>
    compileNodePolicy(
      selectNodePolicy(set.nodePolicies, node.labels),
      labelsOf,
      { clusterDomain, endpointNames: endpointNames(set) },
      reportPolicy,
    ),
  );
  const workloads = indexWorkloads(set.pods, {
    nodeName: node.name,
    leatNamespace,
    labelsOf,
    policyOf: policy.forNamespace,
    report,
  });

  const ownSecrets = secretsOf(leatNamespace);
  const tunnels = memory.keep('tunnels', [set.tunnels, ownSecrets, labelsOf], report, (reportTunnel) =>
    compileTunnels(set.tunnels, ownSecrets, labelsOf, reportTunnel),
  );
  const refusals = new Map(set.refused?.map(({ resource, reason }) => [resource, reason]));
  const refusedSources = set.refused?.filter(({ resource }) => resource.startsWith('DestinationSource ')) ?? [];
  const sourceInputs = [set.destinationSources, ownSecrets, labelsOf, identityFiles, JSON.stringify(refusedSources)];
  const sources = memory.keep('sources', sourceInputs, report, (reportSource) =>
    compileSources(
      set.destinationSources,
      (source) => {
        const compiled = compileSource(source, ownSecrets, labelsOf, identityFiles);
        return refuse(compiled, refusals.get(`DestinationSource ${compiled.name}`) ?? null, (problem) => ({ problem }));
      },
      reportSource,
    ),
  );

  const lookups = new Map<string, ServiceLookup>();
  let lookupsOfOne = 0;
  const context: DestinationContext = {
    secretsOf,
    leatNamespace,
    labelsOf,
    tunnels,
    sources,
    entryOf,
    onLookup(lookup) {
      lookupsOfOne += 1;
      lookups.set(lookup.key, lookup);
    },
  };
  const ofTenants = new Map<string, ReadonlyMap<string, Destination>>();
  const compiled = [...set.destinations, ...set.clusterDestinations].map((resource) => {
    const secrets = resource.kind === 'Destination' ? secretsOf(resource.metadata.namespace ?? 'default') : ownSecrets;
    const refusal = refusals.get(destinationId(resource)) ?? null;
    return memory.ofResource(resource, [secrets, labelsOf, tunnels, sources, policy, refusal], report, (reportOne) => {
      lookupsOfOne = 0;
      const compiledOne = hold(refuseDestination(compileDestination(resource, context), refusal), memory.places);
      const value = admit(compiledOne, policy, reportOne);
      const tenants = compileTenants(resource, context, refusal, reportOne);
      if (tenants.size > 0) ofTenants.set(value.id, tenants);
      // what was fetched for it changes without any of its inputs
      return { value, keep: lookupsOfOne === 0 && tenants.size === 0 };
    });
  });
  const written = memory.keep('destinations', compiled, report, () => compiled);
  const imports = memory.keep('wanted imports', [sources], report, () => listImports(sources));
  const fetched = imports.map((asked) => importOf(asked));
  const importInputs = [sources, tunnels, policy, set.namespaces, imports, ...fetched];
  const imported = memory.keep('imports', importInputs, report, (reportImport) => {
    const { problems: found, ...rest } = compileImports(sources, {
      tunnels,
      mayClaim: policy.mayClaim,
      namespaces: set.namespaces.map(({ metadata }) => metadata.name),
      fetchedOf: (asked) => fetched[imports.findIndex(({ key }) => key === asked.key)] ?? null,
      places: memory.places,
    });
    for (const { source, problem } of found) reportImport(toProblem(`DestinationSource ${source}`, problem));
    return rest;
  });
  const destinations = memory.keep('all destinations', [written, imported], report, () => [
    ...written,
    ...imported.destinations,
  ]);
  for (const destination of destinations) {
    if (destination.controls?.from != null || destination.isImported === true) memory.places.note(destination);
  }
  const contested = memory.keep('contested', [written], report, () => findContested(written));
  for (const conflict of findConflicts(contested, workloads.all())) report(conflict);
  const { match } = memory.keep('index', [destinations, policy], report, (reportLeftOut) =>
    indexDestinations(destinations, policy.mayClaim, ({ id }, host) => {
      const message = `${host} has ${MAX_PER_HOST} Destinations that go before this one: it is never chosen for it`;
      reportLeftOut({ resource: id, reason: 'TooManyForHost', message });
    }),
  );
  const serviceInputs = [set.services, set.destinations, written, labelsOf];
  const services = memory.keep('services', serviceInputs, report, () =>
    indexServices(set.services ?? [], {
      destinations: set.destinations,
      compiled: written,
      ofTenants,
      labelsOf,
      clusterDomain,
    }),
  );
  memory.end();
  return {
    policy,
    workloads,
    services,
    destinations: { match, all: () => destinations },
    entries: { sources, tunnels },
    lookups: [...lookups.values()],
    imports,
    importReports: imported.reports,
    problems,
  };
}

/** Readers of Secrets, each the same as long as no Secret of its namespace changed. */
function rememberReaders(secrets: readonly Secret[], memory: CompileMemory): (namespace: string) => ReadSecret {
  const byNamespace = new Map<string, Secret[]>();
  for (const secret of secrets) {
    const { namespace = 'default' } = secret.metadata;
    const others = byNamespace.get(namespace);
    if (others === undefined) byNamespace.set(namespace, [secret]);
    else others.push(secret);
  }
  const readers = new Map<string, ReadSecret>();
  return (namespace) => {
    let reader = readers.get(namespace);
    if (reader === undefined) {
      const own = byNamespace.get(namespace) ?? [];
      reader = memory.keep(
        `secrets ${namespace}`,
        own,
        () => {},
        () => createSecretReaders(own)(namespace),
      );
      readers.set(namespace, reader);
    }
    return reader;
  };
}

type Report = (problem: ResourceProblem) => void;

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

function compileTunnels(
  resources: ResourceSet['tunnels'],
  secrets: ReadSecret,
  labelsOf: NamespaceLabels,
  report: Report,
): ReadonlyMap<string, TunnelAccess> {
  const tunnels = new Map<string, TunnelAccess>();
  for (const resource of resources) {
    const access = compileTunnel(resource, secrets, labelsOf);
    tunnels.set(resource.metadata.name, access);
    if ('problem' in access.resolved) report(toProblem(`Tunnel ${resource.metadata.name}`, access.resolved.problem));
  }
  return tunnels;
}

function compileSources(
  resources: ResourceSet['destinationSources'],
  compile: (resource: DestinationSource) => SourceAccess,
  report: Report,
): ReadonlyMap<string, SourceAccess> {
  const sources = new Map<string, SourceAccess>();
  for (const resource of resources) {
    const access = compile(resource);
    sources.set(access.name, access);
    if ('problem' in access.resolved) report(toProblem(`DestinationSource ${access.name}`, access.resolved.problem));
  }
  return sources;
}

/** Of a Destination or a source whose newest version is not valid only what it claims is left. */
function refuse<T extends { readonly resolved: unknown }>(
  compiled: T,
  reason: string | null,
  unresolved: (problem: LeatError) => T['resolved'],
): T {
  if (reason === null) return compiled;
  const problem = new LeatError('DESTINATION_NOT_READY', `its newest version is not valid: ${reason}`);
  return { ...compiled, resolved: unresolved(problem) };
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
      const message = `NodePolicy ${policy.name} does not let it claim ${host}: ${claim.reason}`;
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

/** Leat's own way out: names, not addresses, which are refused anyway. */
function endpointNames({ tunnels }: ResourceSet): Set<string> {
  return new Set(tunnels.flatMap(({ spec }) => spec.endpoints.map(({ host }) => host)));
}

function toProblem(resource: string, { code, message }: LeatError): ResourceProblem {
  return { resource, reason: conditionReason(code), message };
}
