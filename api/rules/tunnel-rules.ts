// SPDX-License-Identifier: Apache-2.0
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { Tunnel } from '../kinds/tunnel.ts';
import { checkHostOrAddress, checkPortRanges } from './addresses.ts';
import { fieldOfItsType } from './choices.ts';
import { checkOAuth2Client } from './oauth2-client.ts';
import { checkNamespaceSelector } from './selectors.ts';

/** What a Tunnel must hold beyond its schema. */
export function checkTunnel({ spec }: Tunnel): FieldProblem[] {
  const { endpoints, authentication, allow } = spec;
  const path = ['spec', 'authentication'];
  return [
    ...endpoints.flatMap(({ host }, index) => checkHostOrAddress(host, ['spec', 'endpoints', index, 'host'])),
    ...fieldOfItsType(authentication, path, { None: null, UserPassword: 'userPassword', SapJwt: 'oauth2' }),
    ...(authentication.oauth2 === undefined ? [] : checkOAuth2Client(authentication.oauth2, [...path, 'oauth2'])),
    ...(authentication.oauth2?.tunnel === undefined
      ? []
      : [problemAt([...path, 'oauth2', 'tunnel'], "must not be given: a tunnel's own token comes without a tunnel")]),
    ...allow.flatMap(({ namespaces, ports }, index) => [
      ...checkNamespaceSelector(namespaces, ['spec', 'allow', index, 'namespaces']),
      ...checkPortRanges(ports, ['spec', 'allow', index, 'ports']),
    ]),
  ];
}
