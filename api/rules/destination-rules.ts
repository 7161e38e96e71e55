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
import { checkHosts, checkHttpFieldsHaveHttpPort, checkPaths, checkPorts, checkRoute } from './ports-and-paths.ts';
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
  checkAddedHeaders,
  checkAddedQueries,
  ({ workloads }) => checkWorkloadSelector(workloads, ['spec', 'workloads']),
];

/** What a Destination must hold beyond its schema. Host `*` is not refused here: NodePolicy decides who may claim it. */
export function checkDestination({ spec }: Destination): FieldProblem[] {
  return RULES.flatMap((rule) => rule(spec));
}

export function checkClusterDestination({ spec }: ClusterDestination): FieldProblem[] {
  return [...RULES.flatMap((rule) => rule(spec)), ...checkNamespaceSelector(spec.namespaces, ['spec', 'namespaces'])];
}
