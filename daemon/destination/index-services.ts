// SPDX-License-Identifier: Apache-2.0
import { SERVICE_PORT_OF_ENTRIES } from '../../api/defaults.ts';
import { API_VERSION, DESTINATION_SERVICE_LABEL } from '../../api/group.ts';
import type { Service } from '../../api/kinds/core.ts';
import type { Destination as DestinationResource } from '../../api/kinds/destination.ts';
import { type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import { admitsWorkload, compileWorkloadRule } from '../workload/select-workloads.ts';
import type { Workload } from '../workload/workload.ts';
import type { Destination } from './destination.ts';
import { suffixOf } from './host-pattern.ts';

/** The Service of a Destination: who connects to its address connects to the Destination. */
export interface ServiceTarget {
  readonly destination: Destination;
  /** `shop/erp`, for people. */
  readonly title: string;
  /** Every name that the cluster's DNS has for it: names of the Destination, too. */
  readonly names: readonly string[];
  /** Stands in for the name that nobody asked for: the first of the Destination's hosts that is no wildcard. */
  readonly host: string | null;
  /** Null: all ports of the Destination. */
  readonly ports: ReadonlySet<number> | null;
  /** Enrolled pods that may use the Destination, and whoever its `service.access` names, enrolled or not. */
  readonly mayUse: (workload: Workload) => boolean;
}

export interface ServiceIndex {
  readonly at: (address: IpAddress) => ServiceTarget | null;
  readonly addresses: () => Iterable<IpAddress>;
}

export interface ServiceContext {
  readonly destinations: readonly DestinationResource[];
  /** The same, compiled. */
  readonly compiled: readonly Destination[];
  /** Of Destinations that have a Service for each of several tenants: compiled for each, by id and tenant. */
  readonly ofTenants: ReadonlyMap<string, ReadonlyMap<string, Destination>>;
  readonly labelsOf: NamespaceLabels;
  readonly clusterDomain: string;
}

/** An address counts only where the Service is owned by that very Destination, and where the Destination asks for it. */
export function indexServices(services: readonly Service[], context: ServiceContext): ServiceIndex {
  if (services.length === 0) return NO_SERVICES;
  const resources = new Map(context.destinations.map((resource) => [keyOf(resource), resource]));
  const compiled = new Map(context.compiled.map((destination) => [destination.id, destination]));
  const targets = new Map<IpAddress, ServiceTarget>();
  for (const service of services) {
    const { namespace = 'default', name, labels, ownerReferences = [] } = service.metadata;
    const owner = ownerReferences.find(({ apiVersion, kind }) => apiVersion === API_VERSION && kind === 'Destination');
    const id = `Destination ${namespace}/${owner?.name}`;
    const resource = resources.get(`${namespace}/${owner?.name}`);
    const asked = resource?.spec.service;
    if (resource === undefined || asked === undefined || resource.metadata.uid !== owner?.uid) continue;
    if (labels?.[DESTINATION_SERVICE_LABEL] !== 'true') continue;
    const destination = destinationOf(name, asked.name ?? resource.metadata.name, id);
    if (destination === undefined) continue;
    const names = namesOf(name, namespace, context.clusterDomain);
    const isOfEntries = destination.controls !== undefined;
    const target: ServiceTarget = {
      destination,
      title: `${namespace}/${name}`,
      names,
      // What an entry calls itself need not be asked for here: the Service's own name stands in.
      host: destination.hosts.find((host) => suffixOf(host) === null) ?? (isOfEntries ? (names[1] ?? null) : null),
      ports: asked.ports === undefined && !isOfEntries ? null : new Set(asked.ports ?? [SERVICE_PORT_OF_ENTRIES]),
      mayUse: compileAccess(destination, asked.access ?? [], context.labelsOf),
    };
    for (const text of service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']) {
      // "None" and "" are no addresses
      const address = parseIpAddress(text);
      if (address !== null) targets.set(address, target);
    }
  }
  return { at: (address) => targets.get(address) ?? null, addresses: () => targets.keys() };

  /** A Service of the Destination's own name, or of one of its tenants. */
  function destinationOf(service: string, wanted: string, id: string): Destination | undefined {
    const tenants = context.ofTenants.get(id);
    if (tenants === undefined) return service === wanted ? compiled.get(id) : undefined;
    return service.startsWith(`${wanted}-`) ? tenants.get(service.slice(wanted.length + 1)) : undefined;
  }
}

const NO_SERVICES: ServiceIndex = { at: () => null, addresses: () => [] };

function keyOf({ metadata: { namespace = 'default', name } }: DestinationResource): string {
  return `${namespace}/${name}`;
}

function namesOf(name: string, namespace: string, clusterDomain: string): string[] {
  const inNamespace = `${name}.${namespace}`;
  return [name, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.${clusterDomain}`];
}

type Access = NonNullable<NonNullable<DestinationResource['spec']['service']>['access']>;

function compileAccess(destination: Destination, access: Access, labelsOf: NamespaceLabels): ServiceTarget['mayUse'] {
  const others = access.map(({ namespaces, workloads }) => ({
    selects: selectNamespaces(namespaces, labelsOf),
    rule: compileWorkloadRule(workloads),
  }));
  return (workload) =>
    (workload.enrolled &&
      destination.admitsNamespace(workload.namespace) &&
      admitsWorkload(destination.workloads, workload)) ||
    others.some(({ selects, rule }) => selects(workload.namespace) && admitsWorkload(rule, workload));
}
