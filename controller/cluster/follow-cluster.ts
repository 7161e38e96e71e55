// SPDX-License-Identifier: Apache-2.0
import { CUSTOM_KINDS } from '../../api/custom-kinds.ts';
import { API_VERSION, LABELLED_SECRETS_ROLE, SECRET_READER_ROLE } from '../../api/group.ts';
import type { Namespace, Pod } from '../../api/kinds/core.ts';
import { parseResource } from '../../api/parse-resource.ts';
import type { ApiAccess } from '../../daemon/kube/access-files.ts';
import { createApiClient } from '../../daemon/kube/api-client.ts';
import { type Reflector, type ReflectorFailure, startReflector } from '../../daemon/kube/reflector.ts';
import { ServerProbe } from '../../daemon/kube/server-probe.ts';
import { LabelledSecrets, type Watch, type WatchOptions } from './labelled-secrets.ts';
import { ObjectStore, readMeta } from './object-store.ts';
import {
  projectCustom,
  projectNode,
  projectNodeState,
  projectRole,
  projectRoleBinding,
  projectService,
} from './project-objects.ts';
import { type ClusterView, type Meta, type RoleBindingObject, STATUS_KINDS } from './view.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

export interface FollowOptions {
  readonly access: ApiAccess;
  readonly onChange: () => void;
  /** Null: it works again. */
  readonly onFailure: (what: string, failure: ReflectorFailure | null) => void;
  /** In which namespaces labelled Secrets are followed, and with them Roles and RoleBindings; null: nowhere. */
  readonly readableNamespaces: ((bindings: readonly RoleBindingObject[]) => ReadonlySet<string>) | null;
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

/** Watches everything that the controller reads. Of Secrets their names, and no more. */
export function followCluster({ access, onChange, onFailure, readableNamespaces }: FollowOptions): FollowedCluster {
  const client = createApiClient(access);
  const unknown = new Set<string>();
  const reflectors = new Map<string, Reflector>();
  const probe = new ServerProbe({ client, wake: (name) => reflectors.get(name)?.wake() });
  const nameOf = (path: string, query: Readonly<Record<string, string>> = {}): string =>
    `${path}?${new URLSearchParams(query)}`;

  function watch(options: WatchOptions): Watch {
    const { path, query } = options;
    const name = nameOf(path, query);
    const reflector = startReflector({
      ...options,
      client,
      onFailure(failure) {
        probe.note(name, failure);
        onFailure(path, failure);
      },
    });
    reflectors.set(name, reflector);
    return {
      stop() {
        reflectors.delete(name);
        probe.forget(name);
        return reflector.stop();
      },
    };
  }

  function follow<T extends { readonly meta: Meta }>(
    path: string,
    project: (object: unknown) => T,
    query: Readonly<Record<string, string>> = {},
    changed = onChange,
  ): ObjectStore<T> {
    const store = new ObjectStore(project, changed);
    const name = nameOf(path, query);
    unknown.add(name);
    watch({
      path,
      query,
      store,
      onSynced() {
        unknown.delete(name);
        onChange();
      },
    });
    return store;
  }

  const custom = (plural: string): string => `/apis/${API_VERSION}/${plural}`;
  const namespaces = follow('/api/v1/namespaces', core<Namespace>('Namespace'));
  // as daemons do: a pod that ended has no connections
  const running = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' };
  const pods = follow('/api/v1/pods', core<Pod>('Pod'), running);
  const nodes = follow('/api/v1/nodes', projectNode);
  const services = follow('/api/v1/services', projectService);
  const nodeStates = follow(custom(CUSTOM_KINDS.NodeState.plural), projectNodeState);
  const customs = STATUS_KINDS.map((kind) => follow(custom(CUSTOM_KINDS[kind].plural), projectCustom(kind)));

  const secrets = readableNamespaces === null ? null : followSecrets(readableNamespaces);

  /** Roles and RoleBindings by name: a rule can be of that name alone. */
  function followSecrets(readable: NonNullable<FollowOptions['readableNamespaces']>) {
    const labelled = new LabelledSecrets({ watch, onChange });
    const onBindings = (): void => {
      labelled.follow(readable(readers.list()));
      onChange();
    };
    const named = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
    const readers = follow(`${RBAC}/rolebindings`, projectRoleBinding, named(SECRET_READER_ROLE), onBindings);
    const bindings = follow(`${RBAC}/rolebindings`, projectRoleBinding, named(LABELLED_SECRETS_ROLE));
    const roles = follow(`${RBAC}/roles`, projectRole, named(LABELLED_SECRETS_ROLE));
    return { labelled, readers, bindings, roles };
  }

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
            roleBindings: [...(secrets?.readers.list() ?? []), ...(secrets?.bindings.list() ?? [])],
            roles: secrets?.roles.list() ?? [],
            labelledSecrets: secrets?.labelled.names() ?? new Map(),
          },
    async stop() {
      await secrets?.labelled.stop();
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
