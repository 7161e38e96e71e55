// SPDX-License-Identifier: Apache-2.0
/** The one file that knows @kubernetes/client-node: who we are to the API server, and how objects are written there. */
import {
  ApiException,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  type ObservableMiddleware,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  V1MicroTime,
} from '@kubernetes/client-node';
import { CUSTOM_KINDS } from '../../api/custom-kinds.ts';
import {
  API_GROUP,
  API_VERSION,
  DESTINATION_SERVICE_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  SECRET_READER_ROLE,
} from '../../api/group.ts';
import type { ApiAccess } from '../../daemon/kube/access-files.ts';
import type { LeaseRecord, LeaseStore } from '../lease/hold-lease.ts';
import {
  type Change,
  type ClusterWriter,
  type RoleBindingChange,
  type RoleChange,
  type ServiceChange,
  type StatusChange,
  WriteError,
} from './cluster-writer.ts';
import { secretsRule } from './secrets-rule.ts';

/** The client has no limit of its own: a connection that died would hold the lease's holder for ever. */
const REQUEST_TIMEOUT_MS = 8_000;
const RBAC_GROUP = 'rbac.authorization.k8s.io';
const [, VERSION = ''] = API_VERSION.split('/');

export interface WriterIdentity {
  readonly leatNamespace: string;
  /** Service accounts in Leat's namespace. */
  readonly controllerAccount: string;
  readonly daemonAccount: string;
  /** Name of this replica, in events. */
  readonly holder: string;
}

/** Who we are: a service account, whose token file is read again when it is a minute old. */
export function createKubeConfig({ server, tokenFile, caFile }: ApiAccess): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'cluster', server, caFile, skipTLSVerify: false }],
    users: [{ name: 'account', authProvider: { name: 'tokenFile', config: { tokenFile } } }],
    contexts: [{ name: 'context', cluster: 'cluster', user: 'account' }],
    currentContext: 'context',
  });
  return config;
}

const MERGE_PATCH = withDeadline(setHeaderOptions('Content-Type', PatchStrategy.MergePatch));
const PLAIN = withDeadline({});

/** Adds the deadline to the options of a request. */
function withDeadline(options: ReturnType<typeof setHeaderOptions>): ReturnType<typeof setHeaderOptions> {
  const [given] = options.middleware ?? setHeaderOptions('Accept', 'application/json').middleware ?? [];
  if (given === undefined) throw new TypeError('the client made options without middleware');
  const deadline: ObservableMiddleware = {
    pre(request) {
      request.setSignal(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
      return given.pre(request);
    },
    post: (response) => given.post(response),
  };
  return { middleware: [deadline], middlewareMergeStrategy: 'append' };
}

/** Writes through the client library, each change as one request. */
export function createApiWriter(config: KubeConfig, identity: WriterIdentity): ClusterWriter {
  const core = config.makeApiClient(CoreV1Api);
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const custom = config.makeApiClient(CustomObjectsApi);
  return async (change) => {
    await asked(() => send(change));
  };

  function send(change: Change): Promise<unknown> {
    switch (change.do) {
      case 'write status':
        return writeStatus(custom, change);
      case 'create role binding': {
        const { namespace } = change;
        return rbac.createNamespacedRoleBinding({ namespace, body: roleBinding(change) }, PLAIN);
      }
      case 'repair role binding': {
        const { name, namespace } = change;
        return rbac.patchNamespacedRoleBinding({ name, namespace, body: roleBinding(change) }, MERGE_PATCH);
      }
      case 'create role': {
        const { namespace } = change;
        return rbac.createNamespacedRole({ namespace, body: role(change) }, PLAIN);
      }
      case 'repair role': {
        const { name, namespace } = change;
        return rbac.patchNamespacedRole({ name, namespace, body: role(change) }, MERGE_PATCH);
      }
      case 'delete role': {
        const { name, namespace, uid } = change.meta;
        const body = { preconditions: { uid } };
        return rbac.deleteNamespacedRole({ name, namespace: namespace ?? '', body }, PLAIN);
      }
      case 'delete role binding': {
        const { name, namespace, uid } = change.meta;
        const body = { preconditions: { uid } };
        return rbac.deleteNamespacedRoleBinding({ name, namespace: namespace ?? '', body }, PLAIN);
      }
      case 'create service': {
        const { namespace } = change;
        return core.createNamespacedService({ namespace, body: service(change) }, PLAIN);
      }
      case 'repair service': {
        const { name, namespace } = change;
        const { metadata, spec } = service(change);
        // null takes a selector away that somebody added
        const body = { metadata, spec: { ...spec, selector: null } };
        return core.patchNamespacedService({ name, namespace, body }, MERGE_PATCH);
      }
      case 'delete service': {
        const { name, namespace, uid } = change.meta;
        const body = { preconditions: { uid } };
        return core.deleteNamespacedService({ name, namespace: namespace ?? '', body }, PLAIN);
      }
      case 'delete ended pod': {
        const { name, namespace, uid } = change;
        // in the body: with one, an API server does not read the query
        const body = { preconditions: { uid }, gracePeriodSeconds: 0 };
        return core.deleteNamespacedPod({ name, namespace, body }, PLAIN);
      }
      case 'create event': {
        const { namespace, ...about } = change.about;
        const place = namespace ?? 'default';
        const now = new Date();
        const body = {
          metadata: { name: change.name, namespace: place },
          involvedObject: { ...about, ...(namespace === null ? {} : { namespace }) },
          reason: change.reason,
          message: change.message.slice(0, 1024),
          type: 'Warning',
          source: { component: 'leat-controller' },
          reportingComponent: 'leat.dev/controller',
          reportingInstance: identity.holder.slice(0, 128),
          firstTimestamp: now,
          lastTimestamp: now,
          count: 1,
        };
        return core.createNamespacedEvent({ namespace: place, body }, PLAIN);
      }
    }
  }

  function roleBinding({ name, namespace }: RoleBindingChange) {
    const { leatNamespace, controllerAccount, daemonAccount } = identity;
    const [kind, account] = name === SECRET_READER_ROLE ? ['ClusterRole', controllerAccount] : ['Role', daemonAccount];
    return {
      metadata: { name, namespace, labels: OURS },
      roleRef: { apiGroup: RBAC_GROUP, kind, name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace: leatNamespace }],
    };
  }
}

const OURS = { [MANAGED_BY_LABEL]: MANAGED_BY };

function role({ name, namespace, secrets }: RoleChange) {
  return { metadata: { name, namespace, labels: OURS }, rules: [secretsRule(secrets)] };
}

function service({ name, namespace, owner, ports }: ServiceChange) {
  return {
    metadata: {
      name,
      namespace,
      labels: { ...OURS, [DESTINATION_SERVICE_LABEL]: 'true' },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: false }],
    },
    spec: {
      type: 'ClusterIP',
      ipFamilyPolicy: 'PreferDualStack',
      ports: ports.map((port) => ({ ...port, targetPort: port.port })),
    },
  };
}

/** The version that was seen is a condition: a status computed from an older object, or by a leader of before, is refused. */
function writeStatus(custom: CustomObjectsApi, { kind, meta, conditions, imports }: StatusChange): Promise<unknown> {
  const { name, namespace, resourceVersion, generation } = meta;
  const place = { group: API_GROUP, version: VERSION, plural: CUSTOM_KINDS[kind].plural, name };
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const body = {
    metadata: { resourceVersion },
    status: { ...observed, conditions, ...(imports === undefined ? {} : { imports }) },
  };
  return namespace === null
    ? custom.patchClusterCustomObjectStatus({ ...place, body }, MERGE_PATCH)
    : custom.patchNamespacedCustomObjectStatus({ ...place, namespace, body }, MERGE_PATCH);
}

/** The Lease of the API server. A version that is no longer the newest is refused: two can't hold it. */
export function createLeaseStore(config: KubeConfig, namespace: string, name: string): LeaseStore {
  const api = config.makeApiClient(CoordinationV1Api);
  return {
    async read() {
      try {
        const { metadata, spec } = await asked(() => api.readNamespacedLease({ namespace, name }, PLAIN));
        return {
          version: metadata?.resourceVersion ?? '',
          holder: spec?.holderIdentity ?? '',
          // The client says V1MicroTime, and delivers a string.
          renewTime: JSON.stringify(spec?.renewTime ?? ''),
          transitions: spec?.leaseTransitions ?? 0,
          durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
        };
      } catch (error) {
        if (error instanceof WriteError && error.status === 404) return null;
        throw error;
      }
    },
    async write({ version, holder, durationMs, transitions }: Omit<LeaseRecord, 'renewTime'>) {
      const now = new V1MicroTime();
      const body = {
        metadata: { name, namespace, ...(version === '' ? {} : { resourceVersion: version }) },
        spec: {
          holderIdentity: holder,
          leaseDurationSeconds: Math.ceil(durationMs / 1000),
          leaseTransitions: transitions,
          acquireTime: now,
          renewTime: now,
        },
      };
      const { metadata } = await asked(() =>
        version === ''
          ? api.createNamespacedLease({ namespace, body }, PLAIN)
          : api.replaceNamespacedLease({ name, namespace, body }, PLAIN),
      );
      return metadata?.resourceVersion ?? '';
    },
  };
}

/** The client's errors carry the whole request's answer: what is kept is its status and its words. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiException)
      throw new WriteError(error.code, messageOf(error.body) ?? `status ${error.code}`);
    throw new WriteError(null, error instanceof Error ? error.message : 'unknown cause');
  }
}

const MAX_MESSAGE = 500;

function messageOf(body: unknown): string | null {
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  try {
    const { message } = (JSON.parse(text) ?? {}) as { message?: unknown };
    return typeof message === 'string' ? message.slice(0, MAX_MESSAGE) : null;
  } catch {
    // something in between answered: its status says enough
    return null;
  }
}
