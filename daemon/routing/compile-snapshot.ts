// SPDX-License-Identifier: Apache-2.0
import type { DestinationSource } from '../../api/kinds/destination-source.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import { compileImports, listImports } from '../destination/compile-imports.ts';
import { compileSource, type SourceAccess } from '../destination/compile-source.ts';
import { compileTunnel, type TunnelAccess } from '../destination/compile-tunnel.ts';
import { findConflicts } from '../destination/find-conflicts.ts';
import { findContested } from '../destination/find-contested.ts';
import { indexDestinations, MAX_PER_HOST } from '../destination/index-destinations.ts';
import { indexServices } from '../destination/index-services.ts';
import type { ReadSecret } from '../destination/release-secret.ts';
import { type KnownReaders, rememberReaders } from '../destination/remember-readers.ts';
import type { IdentityFiles } from '../destination/service-binding.ts';
import type { EntryOf, ImportOf } from '../destination/service-entry.ts';
import { compileNodePolicy } from '../policy/compile-node-policy.ts';
import { selectNodePolicy } from '../policy/select-node-policy.ts';
import { indexWorkloads } from '../workload/index-workloads.ts';
import type { Labels } from '../workload/match-labels.ts';
import { type NamespaceLabels, namespaceLabels } from '../workload/select-namespaces.ts';
import { compileDestinations, isSettled } from './compile-destinations.ts';
import { CompileMemory } from './compile-memory.ts';
import { refuse } from './refuse.ts';
import type { ResourceProblem, Snapshot } from './snapshot.ts';
import { toProblem } from './to-problem.ts';

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
  const { secretsOf } = memory.keep('secrets', [set.secrets], report, (_, before: KnownReaders | null) =>
    rememberReaders(set.secrets, before),
  );

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
    remember: (pod, read) =>
      memory.ofResource(pod, [labelsOf, policy], report, (reportOne) => ({ value: read(reportOne), keep: true })),
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

  const refused = JSON.stringify(set.refused ?? []);
  const compileInputs = [
    set.destinations,
    set.clusterDestinations,
    secretsOf,
    labelsOf,
    tunnels,
    sources,
    policy,
    refused,
  ];
  const { compiled, lookups, ofTenants } = memory.keep(
    'compiled',
    compileInputs,
    report,
    (reportOne) =>
      compileDestinations(
        set,
        { secretsOf, leatNamespace, labelsOf, tunnels, sources, entryOf, policy, memory },
        reportOne,
      ),
    isSettled,
  );
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

type Report = (problem: ResourceProblem) => void;

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

/** Leat's own way out: names, not addresses, which are refused anyway. */
function endpointNames({ tunnels }: ResourceSet): Set<string> {
  return new Set(tunnels.flatMap(({ spec }) => spec.endpoints.map(({ host }) => host)));
}
