// SPDX-License-Identifier: Apache-2.0
import type { FieldProblem } from '../field-problem.ts';
import type { DestinationSource } from '../kinds/destination-source.ts';
import { checkNamespaceSelector } from './selectors.ts';

/** What a DestinationSource must hold beyond its schema. */
export function checkDestinationSource({ spec }: DestinationSource): FieldProblem[] {
  return spec.allow.flatMap(({ namespaces }, index) =>
    checkNamespaceSelector(namespaces, ['spec', 'allow', index, 'namespaces']),
  );
}
