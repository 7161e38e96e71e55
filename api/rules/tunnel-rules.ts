// SPDX-License-Identifier: Apache-2.0
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { Tunnel, TunnelSpec } from '../kinds/tunnel.ts';
import { checkHostOrAddress, checkPortRanges } from './addresses.ts';
import { type FieldsOfType, fieldsOfItsType } from './choices.ts';
import { checkOAuth2Client } from './oauth2-client.ts';
import { checkNamespaceSelector } from './selectors.ts';

/** Which fields belong to which type of authentication. */
export const TUNNEL_AUTHENTICATION_FIELDS: Readonly<
  Record<TunnelSpec['authentication']['type'], FieldsOfType<'userPassword' | 'oauth2'>>
> = {
  None: {},
  UserPassword: { required: ['userPassword'] },
  SapJwt: { required: ['oauth2'] },
  Bearer: { required: ['oauth2'] },
};

/** What a Tunnel must hold beyond its schema. */
export function checkTunnel({ spec }: Tunnel): FieldProblem[] {
  const { endpoints, authentication, allow } = spec;
  const path = ['spec', 'authentication'];
  return [
    ...endpoints.flatMap(({ host }, index) => checkHostOrAddress(host, ['spec', 'endpoints', index, 'host'])),
    ...fieldsOfItsType(authentication, path, TUNNEL_AUTHENTICATION_FIELDS),
    ...checkProtocol(spec),
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

/** Fields that the protocol has no place for. */
function checkProtocol({ protocol, authentication, regionId, maxRequestHeadBytes }: TunnelSpec): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const isSocks = protocol === 'socks5';
  if (authentication.type === (isSocks ? 'Bearer' : 'SapJwt')) {
    const instead = isSocks ? 'SapJwt' : 'Bearer';
    problems.push(
      problemAt(
        ['spec', 'authentication', 'type'],
        `does not go with protocol ${protocol}: a token is sent by type ${instead} there`,
        authentication.type,
      ),
    );
  }
  for (const [field, value] of Object.entries({ regionId, maxRequestHeadBytes })) {
    if (value === undefined || protocol === 'httpForward') continue;
    problems.push(problemAt(['spec', field], `belongs to protocol httpForward, but protocol is ${protocol}`));
  }
  return problems;
}
