// SPDX-License-Identifier: Apache-2.0
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSource } from '../kinds/destination-source.ts';
import { checkTlsIdentity } from './credential-parts.ts';
import { checkNamespaceSelector } from './selectors.ts';

/** What a DestinationSource must hold beyond its schema. */
export function checkDestinationSource({ spec }: DestinationSource): FieldProblem[] {
  return [
    ...checkBinding(spec.binding),
    ...(spec.import ?? []).flatMap(({ level }, index) =>
      level === 'instance' && spec.binding.identity !== undefined
        ? [
            problemAt(
              ['spec', 'import', index, 'level'],
              'must be subaccount: for nothing else are tokens of IAS taken',
              level,
            ),
          ]
        : [],
    ),
    ...spec.allow.flatMap(({ namespaces }, index) =>
      checkNamespaceSelector(namespaces, ['spec', 'allow', index, 'namespaces']),
    ),
  ];
}

function checkBinding({ clientCertificate, certificateFiles }: DestinationSource['spec']['binding']): FieldProblem[] {
  if (clientCertificate === undefined) return [];
  const path = ['spec', 'binding', 'clientCertificate'];
  return [
    ...checkTlsIdentity(clientCertificate, path),
    ...(certificateFiles === undefined
      ? []
      : [problemAt(path, 'stands beside certificateFiles: remove one of the two')]),
  ];
}
