// SPDX-License-Identifier: Apache-2.0
/** Rules about hosts, ports, paths and the route of a Destination. */
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSpec } from '../kinds/destination.ts';
import { checkHostOrAddress } from './addresses.ts';
import { noDuplicates } from './choices.ts';

/** No host stands twice. */
export function checkHosts({ hosts }: DestinationSpec): FieldProblem[] {
  return noDuplicates(hosts, (index) => ['spec', 'hosts', index]);
}

/** No port stands twice, and each has an upstream that its protocol can have. */
export function checkPorts({ ports }: DestinationSpec): FieldProblem[] {
  return [
    ...noDuplicates(
      ports.map(({ port }) => port),
      (index) => ['spec', 'ports', index, 'port'],
    ),
    ...ports.flatMap((port, index) => checkUpstream(port, ['spec', 'ports', index, 'upstream'])),
  ];
}

function checkUpstream({ protocol, upstream = {} }: DestinationSpec['ports'][number], path: FieldPath): FieldProblem[] {
  const onlyHttp = (['tls', 'pathPrefix'] as const).filter((field) => upstream[field] !== undefined);
  return [
    ...checkHostOrAddress(upstream.host, [...path, 'host']),
    ...checkDotSegments(upstream.pathPrefix, [...path, 'pathPrefix']),
    ...(protocol === 'http'
      ? []
      : onlyHttp.map((field) =>
          problemAt(
            [...path, field],
            `needs protocol http, but the port has ${protocol}: its bytes are moved as they are`,
          ),
        )),
  ];
}

/** No path stands twice or has dot segments. */
export function checkPaths({ paths = [] }: Pick<DestinationSpec, 'paths'>): FieldProblem[] {
  return [
    ...noDuplicates(paths, (index) => ['spec', 'paths', index]),
    ...paths.flatMap((path, index) => checkDotSegments(path, ['spec', 'paths', index])),
  ];
}

/** Clients and servers resolve `.` and `..`, so such a prefix would match what it does not seem to. */
function checkDotSegments(path: string | undefined, at: FieldPath): FieldProblem[] {
  const dotted = path?.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment)) === true;
  return dotted ? [problemAt(at, 'must not have "." or ".." between slashes', path)] : [];
}

/** Fields that are about requests, of a Destination that never sees one. */
export function checkHttpFieldsHaveHttpPort(spec: DestinationSpec): FieldProblem[] {
  if (spec.ports.some(({ protocol }) => protocol === 'http')) return [];
  return (['headers', 'queries', 'paths', 'retries'] as const)
    .filter((field) => spec[field] !== undefined)
    .map((field) => problemAt(['spec', field], 'needs a port with protocol http'));
}

/** The fields of `onPremise` belong to that type alone, which needs its tunnel. */
export function checkRoute({ route }: DestinationSpec): FieldProblem[] {
  const path = ['spec', 'route'];
  if (route.type === 'onPremise') {
    return [
      ...(route.tunnel === undefined ? [problemAt([...path, 'tunnel'], 'is required for type onPremise')] : []),
      ...checkHostOrAddress(route.virtualHost, [...path, 'virtualHost']),
    ];
  }
  return (['tunnel', 'locationId', 'virtualHost'] as const)
    .filter((field) => route[field] !== undefined)
    .map((field) =>
      problemAt([...path, field], 'belongs to type onPremise, but type is internet: remove one of the two'),
    );
}

/** Of the client's own errors those alone that the same request may not get again (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4). */
const PASSING = new Set([408, 425, 429]);

/** Only statuses that may pass by themselves are tried again: the answer to another one would be the same. */
export function checkRetries({ retries }: Pick<DestinationSpec, 'retries'>): FieldProblem[] {
  return (retries?.statuses ?? []).flatMap((status, index) =>
    status >= 500 || PASSING.has(status)
      ? []
      : [problemAt(['spec', 'retries', 'statuses', index], 'must be 408, 425, 429, or from 500', status)],
  );
}
