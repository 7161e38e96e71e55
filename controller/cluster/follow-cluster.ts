// SPDX-License-Identifier: Apache-2.0
import { CUSTOM_KINDS } from '../../api/custom-kinds.ts';
import { API_VERSION, SECRET_READER_ROLE } from '../../api/group.ts';
import type { Namespace, Pod } from '../../api/kinds/core.ts';
import { parseResource } from '../../api/parse-resource.ts';
import type { ApiAccess } from '../../daemon/kube/access-files.ts';
import { createApiClient } from '../../daemon/kube/api-client.ts';
import { type Reflector, type ReflectorFailure, startReflector } from '../../daemon/kube/reflector.ts';
import { ServerProbe } from '../../daemon/kube/server-probe.ts';
import { ObjectStore, readMeta } from './object-store.ts';
import { projectCustom, projectNode, projectNodeState, projectRoleBinding, projectService } from './project-objects.ts';
import { type ClusterView, type Meta, STATUS_KINDS } from './view.ts';

export interface FollowOptions {
  readonly access: ApiAccess;
  readonly onChange: () => void;
  /** Null: it works again. */
  readonly onFailure: (what: string, failure: ReflectorFailure | null) => void;
}

export interface FollowedCluster {
  /** Null until everything was read once. */
  view(): ClusterView | null;
  stop(): Promise<void>;
}

interface KeptCore<T> {
  readonly meta: Meta;
  readonly resource: T | null;
}

/** Watches everything that the controller reads. Never Secrets. */
export function followCluster({ access, onChange, onFailure }: FollowOptions): FollowedCluster {
  const client = createApiClient(access);
  const unknown = new Set<string>();
  const reflectors = new Map<string, Reflector>();
  const probe = new ServerProbe({ client, wake: (path) => reflectors.get(path)?.wake() });

  function follow<T extends { readonly meta: Meta }>(
    path: string,
    project: (object: unknown) => T,
    query: Readonly<Record<string, string>> = {},
  ): ObjectStore<T> {
    const store = new ObjectStore(project, onChange);
    unknown.add(path);
    reflectors.set(
      path,
      startReflector({
        path,
        query,
        client,
        store,
        onSynced: () => {
          unknown.delete(path);
          onChange();
        },
        onFailure(failure) {
          probe.note(path, failure);
          onFailure(path, failure);
        },
      }),
    );
    return store;
  }

  const custom = (plural: string): string => `/apis/${API_VERSION}/${plural}`;
  const namespaces = follow('/api/v1/namespaces', core<Namespace>('Namespace'));
  // as daemons do: a pod that ended has no connections
  const running = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' };
  const pods = follow('/api/v1/pods', core<Pod>('Pod'), running);
  const nodes = follow('/api/v1/nodes', projectNode);
  const services = follow('/api/v1/services', projectService);
  const roleBindings = follow('/apis/rbac.authorization.k8s.io/v1/rolebindings', projectRoleBinding, {
    fieldSelector: `metadata.name=${SECRET_READER_ROLE}`,
  });
  const nodeStates = follow(custom(CUSTOM_KINDS.NodeState.plural), projectNodeState);
  const customs = STATUS_KINDS.map((kind) => follow(custom(CUSTOM_KINDS[kind].plural), projectCustom(kind)));

  return {
    view: () =>
      unknown.size > 0
        ? null
        : {
            namespaces: namespaces.list().flatMap(({ resource }) => resource ?? []),
            pods: pods.list().flatMap(({ resource }) => resource ?? []),
            nodes: nodes.list(),
            customs: customs.flatMap((store) => store.list()),
            nodeStates: nodeStates.list(),
            services: services.list(),
            roleBindings: roleBindings.list(),
          },
    async stop() {
      await Promise.all([probe, ...reflectors.values()].map((running) => running.stop()));
      await client.close();
    },
  };
}

function core<T extends Namespace | Pod>(kind: T['kind']): (object: unknown) => KeptCore<T> {
  return (object) => {
    const parsed = parseResource({ ...(object as object), apiVersion: 'v1', kind });
    if (!parsed.ok) return { meta: readMeta(object), resource: null };
    const { annotations: _, resourceVersion: __, ...metadata } = parsed.resource.metadata;
    return { meta: readMeta(object), resource: { ...parsed.resource, metadata } as T };
  };
}
