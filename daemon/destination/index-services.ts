// SPDX-License-Identifier: Apache-2.0
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
    const resource = resources.get(`${namespace}/${owner?.name}`);
    const destination = compiled.get(`Destination ${namespace}/${owner?.name}`);
    if (resource === undefined || destination === undefined || resource.metadata.uid !== owner?.uid) continue;
    const asked = resource.spec.service;
    if (labels?.[DESTINATION_SERVICE_LABEL] !== 'true' || (asked?.name ?? resource.metadata.name) !== name) continue;
    if (asked === undefined) continue;
    const target: ServiceTarget = {
      destination,
      title: `${namespace}/${name}`,
      names: namesOf(name, namespace, context.clusterDomain),
      host: destination.hosts.find((host) => suffixOf(host) === null) ?? null,
      ports: asked.ports === undefined ? null : new Set(asked.ports),
      mayUse: compileAccess(destination, asked.access ?? [], context.labelsOf),
    };
    for (const text of service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']) {
      // "None" and "" are no addresses
      const address = parseIpAddress(text);
      if (address !== null) targets.set(address, target);
    }
  }
  return { at: (address) => targets.get(address) ?? null, addresses: () => targets.keys() };
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
