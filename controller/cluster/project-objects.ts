// SPDX-License-Identifier: Apache-2.0
/** What is kept of the objects of each kind. */
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../api/field-problem.ts';
import { API_VERSION } from '../../api/group.ts';
import { NodeStateStatus } from '../../api/kinds/node-state.ts';
import type { Condition } from '../../api/kinds/status.ts';
import { parseResource } from '../../api/parse-resource.ts';
import { findViolations } from '../../api/schema/find-violations.ts';
import type { ImportCounts } from '../../api/schema/import-counts.ts';
import { pickKnown } from '../../api/schema/pick-known.ts';
import type { SchemaNode } from '../../api/schema/schema-node.ts';

import { readMeta } from './object-store.ts';
import { secretsRule } from './secrets-rule.ts';
import type {
  CustomObject,
  NodeObject,
  NodeStateObject,
  RoleBindingObject,
  RoleObject,
  ServiceObject,
  StatusKind,
} from './view.ts';

/** More problems of one object would not help anyone. */
const MAX_PROBLEMS = 10;

type Json = Record<string, unknown>;

/** An object of Leat's own kinds, with what is wrong with it where it is not valid. */
export function projectCustom(kind: StatusKind): (object: unknown) => CustomObject {
  return (object) => {
    const { status, ...given } = (object ?? {}) as Json & {
      status?: { conditions?: unknown; imports?: unknown } | null;
    };
    // the items of a list do not say what they are
    const parsed = parseResource({ ...given, apiVersion: API_VERSION, kind });
    return {
      kind,
      meta: readMeta(object),
      resource: parsed.ok ? withoutNoise(parsed.resource as NonNullable<CustomObject['resource']>) : null,
      problems: parsed.ok
        ? []
        : parsed.problems.slice(0, MAX_PROBLEMS).map((problem) => `${problem.field} ${reasonOf(problem)}`),
      conditions: Array.isArray(status?.conditions) ? (status.conditions as Condition[]) : [],
      ...(Array.isArray(status?.imports) ? { imports: status.imports as ImportCounts[] } : {}),
    };
  };
}

/** `last-applied-configuration` repeats the whole object, and versions change with every status. */
function withoutNoise(resource: NonNullable<CustomObject['resource']>): NonNullable<CustomObject['resource']> {
  const { annotations: _, resourceVersion: __, ...metadata } = resource.metadata;
  return { ...resource, metadata } as NonNullable<CustomObject['resource']>;
}

/** Of a Node only its labels matter. */
export function projectNode(object: unknown): NodeObject {
  return { meta: readMeta(object) };
}

const STATUS = NodeStateStatus as SchemaNode;

/** A daemon's report; its status is null where it can't be read. */
export function projectNodeState(object: unknown): NodeStateObject {
  const { status } = (object ?? {}) as { status?: unknown };
  // a daemon that is newer than this program may say more than is known here
  const known = pickKnown(STATUS, status ?? {});
  return {
    meta: readMeta(object),
    status: findViolations(STATUS, known).length === 0 ? (known as NodeStateStatus) : null,
  };
}

/** Of a Service, what has to be compared with the one that a Destination asks for. */
export function projectService(object: unknown): ServiceObject {
  const { spec } = (object ?? {}) as { spec?: Json | null };
  const ports = Array.isArray(spec?.ports) ? (spec.ports as Json[]) : [];
  return {
    meta: readMeta(object),
    ports: ports.map(({ name = '', port, protocol = 'TCP' }) => ({
      name: String(name),
      port: Number(port),
      protocol: String(protocol),
    })),
    hasSelector: Object.keys(spec?.selector ?? {}).length > 0,
    type: typeof spec?.type === 'string' ? spec.type : 'ClusterIP',
  };
}

/** Role and subjects as text, to be compared. */
export function projectRoleBinding(object: unknown): RoleBindingObject {
  const { roleRef, subjects } = (object ?? {}) as { roleRef?: Json | null; subjects?: Json[] | null };
  return {
    meta: readMeta(object),
    role: `${roleRef?.kind}/${roleRef?.name}`,
    subjects: (subjects ?? []).map(({ kind, namespace, name }) =>
      kind === 'ServiceAccount' ? `${kind}/${namespace}/${name}` : `${kind}/${name}`,
    ),
  };
}

/** The Secrets that a Role gives; null where it gives anything but Secrets by name. */
export function projectRole(object: unknown): RoleObject {
  const { rules } = (object ?? {}) as { rules?: Json[] | null };
  const [rule = {}, ...others] = rules ?? [];
  const names = Array.isArray(rule.resourceNames) ? (rule.resourceNames as string[]).toSorted() : [];
  const isOurs = others.length === 0 && names.length > 0 && isDeepStrictEqual(rule, secretsRule(names));
  return { meta: readMeta(object), secrets: isOurs ? names : null };
}
