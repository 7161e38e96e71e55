// SPDX-License-Identifier: Apache-2.0
/** Rules about the Service of a Destination. */
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { Destination } from '../kinds/destination.ts';
import { FORMATS } from '../schema/formats.ts';
import { isOfEntries } from './from-rules.ts';
import { checkNamespaceSelector, checkWorkloadSelector } from './selectors.ts';

const SERVICE_NAME = new RegExp(FORMATS.serviceName.pattern);

/** The Service of a Destination has a name that Services may have, and ports that the Destination declares. */
export function checkService({ metadata, spec }: Destination): FieldProblem[] {
  const { service, ports = [], hosts = [] } = spec as Partial<Extract<Destination['spec'], { ports: unknown }>>;
  if (service === undefined) return [];
  const path = ['spec', 'service'];
  const problems = (service.access ?? []).flatMap(({ namespaces, workloads }, index) => [
    ...checkNamespaceSelector(namespaces, [...path, 'access', index, 'namespaces']),
    ...checkWorkloadSelector(workloads, [...path, 'access', index, 'workloads']),
  ]);
  if (service.name === undefined && !SERVICE_NAME.test(metadata.name)) {
    const message = `is required: the name of the Destination can't be a Service's, which must be ${FORMATS.serviceName.expected}`;
    problems.push(problemAt([...path, 'name'], message, metadata.name));
  }
  // what an entry speaks, and where it is, is known once it was fetched
  if (isOfEntries(spec)) return problems;
  for (const [index, asked] of (service.ports ?? []).entries()) {
    if (!ports.some(({ port }) => port === asked)) {
      problems.push(problemAt([...path, 'ports', index], 'is no port of the Destination', asked));
    }
  }
  // whoever connects to the Service names no host: there has to be one to go to
  const named = hosts.some((host) => !host.startsWith('*'));
  const homeless = ports.findIndex(
    ({ port, upstream }) => (service.ports?.includes(port) ?? true) && upstream?.host === undefined,
  );
  if (!named && homeless >= 0) {
    const message = 'is required with spec.service where spec.hosts has only wildcards: it says where to go';
    problems.push(problemAt(['spec', 'ports', homeless, 'upstream', 'host'], message));
  }
  return problems;
}
