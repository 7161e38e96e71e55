// SPDX-License-Identifier: Apache-2.0
import type { FieldProblem } from '../field-problem.ts';
import type { ClusterDestination, Destination, DestinationSpec } from '../kinds/destination.ts';
import { checkAddedHeaders, checkAddedQueries } from './added-fields.ts';
import {
  checkAuthenticationFields,
  checkAuthenticationHasHttpPort,
  checkClientCertificateHasTls,
  checkCredentialNotInClear,
} from './authentication.ts';
import { checkService } from './destination-service.ts';
import { checkEntries, checkIsWritten, isOfEntries } from './from-rules.ts';
import {
  checkHosts,
  checkHttpFieldsHaveHttpPort,
  checkPaths,
  checkPorts,
  checkRetries,
  checkRoute,
} from './ports-and-paths.ts';
import { checkNamespaceSelector, checkWorkloadSelector } from './selectors.ts';

const RULES: readonly ((spec: DestinationSpec) => FieldProblem[])[] = [
  checkHosts,
  checkPaths,
  checkPorts,
  checkRoute,
  checkAuthenticationFields,
  checkAuthenticationHasHttpPort,
  checkClientCertificateHasTls,
  checkCredentialNotInClear,
  checkHttpFieldsHaveHttpPort,
  checkRetries,
  checkAddedHeaders,
  checkAddedQueries,
  ({ workloads }) => checkWorkloadSelector(workloads, ['spec', 'workloads']),
];

/** What a Destination must hold beyond its schema. Host `*` is not refused here: NodePolicy decides who may claim it. */
export function checkDestination(destination: Destination): FieldProblem[] {
  const { metadata, spec } = destination;
  const service = spec.service === undefined ? null : { name: spec.service.name ?? metadata.name };
  return [...checkSpec(spec, service), ...checkService(destination)];
}

/** All rules of a ClusterDestination: those of Destinations, without a Service, and of its namespaces. */
export function checkClusterDestination({ spec }: ClusterDestination): FieldProblem[] {
  return [...checkSpec(spec, null), ...checkNamespaceSelector(spec.namespaces, ['spec', 'namespaces'])];
}

function checkSpec(
  spec: (Destination | ClusterDestination)['spec'],
  service: { readonly name: string } | null,
): FieldProblem[] {
  if (isOfEntries(spec)) return checkEntries(spec, service);
  const missing = checkIsWritten(spec);
  return missing.length > 0 ? missing : RULES.flatMap((rule) => rule(spec));
}
