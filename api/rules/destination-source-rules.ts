// SPDX-License-Identifier: Apache-2.0
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSource, DestinationSourceSpec } from '../kinds/destination-source.ts';
import { noDuplicates } from './choices.ts';
import { checkTlsIdentity, checkVerifyingKeys } from './credential-parts.ts';
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
    ...checkTenants(spec),
    ...noDuplicates(
      (spec.regions ?? []).map(({ id }) => id),
      (index) => ['spec', 'regions', index, 'id'],
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

function checkTenants({ tenantMode, tenants, import: imports, binding }: DestinationSourceSpec): FieldProblem[] {
  const path = ['spec', 'tenants'];
  if (tenantMode === 'dedicated') {
    return tenants === undefined ? [] : [problemAt(path, 'belongs to tenantMode shared: remove one of the two')];
  }
  if (tenants === undefined)
    return [problemAt(path, 'is required for tenantMode shared: who may act for which tenant')];
  const { allow, userToken } = tenants;
  return [
    ...(binding.identity === undefined
      ? []
      : [
          problemAt(['spec', 'binding', 'identity'], 'needs tenantMode dedicated: tokens of IAS are of its own tenant'),
        ]),
    ...(imports === undefined
      ? []
      : [problemAt(['spec', 'import'], 'needs tenantMode dedicated: there is no tenant whose entries they would be')]),
    ...allow.flatMap(({ namespaces, subdomains, ids }, index) => {
      const at = [...path, 'allow', index];
      return [
        ...checkNamespaceSelector(namespaces, [...at, 'namespaces']),
        ...(subdomains === undefined && ids === undefined
          ? [problemAt(at, 'names no tenant: give subdomains or ids')]
          : []),
      ];
    }),
    ...(userToken === undefined ? [] : checkVerifyingKeys(userToken, [...path, 'userToken'])),
  ];
}
