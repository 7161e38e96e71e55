// SPDX-License-Identifier: Apache-2.0
import { SERVICE_PORT_OF_ENTRIES } from '../../api/defaults.ts';
import { API_VERSION, DESTINATION_SERVICE_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/group.ts';
import type { Destination } from '../../api/kinds/destination.ts';
import { createdAtMs } from '../../daemon/destination/created-at.ts';
import type { Removal, ServiceChange } from '../cluster/cluster-writer.ts';
import { type ClusterView, type Meta, resourceId, type ServiceObject, type ServicePort } from '../cluster/view.ts';
import type { FoundProblem } from './find-conditions.ts';

export interface ServicePlan {
  readonly changes: readonly (ServiceChange | Removal)[];
  /** By the id of the Destination. */
  readonly problems: ReadonlyMap<string, FoundProblem>;
}

interface Wanted {
  readonly id: string;
  readonly destination: Destination;
  readonly meta: Meta;
  readonly namespace: string;
  readonly name: string;
}

/**
 * One Service without selector and endpoints for each Destination that asks for it, or for each of its tenants, owned by it. A Service of that name
 * that is somebody else's is never touched; of two Destinations that ask for one name the older gets it.
 */
export function planServices(view: ClusterView): ServicePlan {
  const existing = new Map(view.services.map((service) => [resourceId('Service', service.meta), service]));
  const changes: (ServiceChange | Removal)[] = [];
  const problems = new Map<string, FoundProblem>();
  const taken = new Map<string, Wanted>();
  for (const wanted of listWanted(view)) {
    const key = resourceId('Service', wanted);
    const first = taken.get(key);
    const service = existing.get(key);
    if (first !== undefined) {
      problems.set(wanted.id, nameTaken(`${key} is that of ${first.id}, which is older`));
    } else if (service !== undefined && !isOwnedBy(service, wanted.meta)) {
      problems.set(wanted.id, nameTaken(`${key} is there already, and not Leat's: give spec.service.name`));
    } else {
      taken.set(key, wanted);
      if (service === undefined) changes.push(change('create service', wanted));
      else if (!service.meta.isGoing && !isAsWanted(service, wanted)) changes.push(change('repair service', wanted));
    }
  }
  for (const [key, { meta }] of existing) {
    if (isOurs(meta) && !meta.isGoing && !taken.has(key)) changes.push({ do: 'delete service', meta });
  }
  return { changes, problems };
}

/** The oldest first. */
function listWanted(view: ClusterView): Wanted[] {
  const wanted = view.customs.flatMap(({ meta, resource }): Wanted[] => {
    if (resource?.kind !== 'Destination' || resource.spec.service === undefined || meta.isGoing) return [];
    const { namespace, name } = meta;
    if (namespace === null) return [];
    const id = resourceId('Destination', meta);
    const base = resource.spec.service.name ?? name;
    const names = resource.spec.from?.tenants?.map((tenant) => `${base}-${tenant}`) ?? [base];
    return names.map((each) => ({ id, destination: resource, meta, namespace, name: each }));
  });
  const ageOf = ({ destination }: Wanted): number => createdAtMs(destination.metadata);
  return wanted.sort((a, b) => ageOf(a) - ageOf(b) || (a.id < b.id ? -1 : 1));
}

function nameTaken(message: string): FoundProblem {
  return { reason: 'NameTaken', message, node: null };
}

function change(what: ServiceChange['do'], wanted: Wanted): ServiceChange {
  const { namespace, name, meta } = wanted;
  const owner = { apiVersion: API_VERSION, kind: 'Destination', name: meta.name, uid: meta.uid };
  return { do: what, namespace, name, owner, ports: portsOf(wanted) };
}

function portsOf({ destination: { spec } }: Wanted): ServicePort[] {
  const asked = spec.service?.ports;
  if (spec.from !== undefined || spec.gateway !== undefined) {
    return (asked ?? [SERVICE_PORT_OF_ENTRIES]).map((port) => ({ name: `entry-${port}`, port, protocol: 'TCP' }));
  }
  const declared = spec.ports;
  return declared
    .filter(({ port }) => asked === undefined || asked.includes(port))
    .map(({ port, protocol }) => ({ name: `${protocol}-${port}`, port, protocol: 'TCP' }));
}

/** Both: an owner alone may be written by whoever may write Services, and a label by anyone. */
function isOwnedBy({ meta }: ServiceObject, { uid }: Meta): boolean {
  return isOurs(meta) && meta.owners.some((owner) => owner.apiVersion === API_VERSION && owner.uid === uid);
}

function isOurs({ labels, owners }: Meta): boolean {
  return (
    labels[MANAGED_BY_LABEL] === MANAGED_BY &&
    owners.some(({ apiVersion, kind }) => apiVersion === API_VERSION && kind === 'Destination')
  );
}

function isAsWanted(service: ServiceObject, wanted: Wanted): boolean {
  const ports = ({ name, port, protocol }: ServicePort): string => `${name} ${port}/${protocol}`;
  return (
    !service.hasSelector &&
    service.type === 'ClusterIP' &&
    service.meta.labels[DESTINATION_SERVICE_LABEL] === 'true' &&
    service.ports.map(ports).sort().join() === portsOf(wanted).map(ports).sort().join()
  );
}
