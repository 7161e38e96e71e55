// SPDX-License-Identifier: Apache-2.0
/** Rules about Kubernetes' own kinds: an API server has checked them already, whoever writes files by hand has not. */
import { isIP } from 'node:net';
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { Pod, Secret } from '../kinds/core.ts';
import type { ObjectMeta } from '../schema/parts.ts';

/** The addresses of a pod are addresses. */
export function checkPod({ status }: Pod): FieldProblem[] {
  return (status?.podIPs ?? []).flatMap(({ ip }, index) =>
    isIP(ip) === 0 ? [problemAt(['status', 'podIPs', index, 'ip'], 'must be an IP address', ip)] : [],
  );
}

/** RFC 4648 §4 with padding, line breaks allowed as in YAML's block scalars; Node's decoder passes over anything. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** No message shows a value. */
export function checkSecret({ data = {} }: Secret): FieldProblem[] {
  return Object.entries(data)
    .filter(([, value]) => !BASE64.test(value.replaceAll(/[\r\n]/g, '')))
    .map(([key]) => problemAt(['data', key], 'is not base64: encode it, or use stringData'));
}

/** Namespaced kinds say their namespace, others have none: nothing is taken from where a file lies. */
export function checkNamespace(kind: string, { namespace }: ObjectMeta, namespaced: boolean): FieldProblem[] {
  const path: FieldPath = ['metadata', 'namespace'];
  if (namespaced && namespace === undefined) return [problemAt(path, `is required: a ${kind} belongs to a namespace`)];
  if (!namespaced && namespace !== undefined) {
    return [problemAt(path, `must not be given: a ${kind} belongs to the whole cluster`, namespace)];
  }
  return [];
}

/** The pattern of a moment holds for the 31st of February too; a moment that can't be read would break the order of age. */
export function checkTimestamps({ creationTimestamp, deletionTimestamp }: ObjectMeta): FieldProblem[] {
  return Object.entries({ creationTimestamp, deletionTimestamp }).flatMap(([field, moment]) =>
    moment !== undefined && Number.isNaN(Date.parse(moment))
      ? [problemAt(['metadata', field], 'is no moment that exists', moment)]
      : [],
  );
}
