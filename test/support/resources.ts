// SPDX-License-Identifier: Apache-2.0
/** Resources as a source would deliver them, with what a test does not care about filled in. */
import { API_VERSION } from '../../api/group.ts';
import type { Namespace, Pod, Secret } from '../../api/kinds/core.ts';
import type { ClusterDestination, Destination, DestinationSpec } from '../../api/kinds/destination.ts';
import type { DestinationSource, DestinationSourceSpec } from '../../api/kinds/destination-source.ts';
import type { NodePolicy, NodePolicySpec } from '../../api/kinds/node-policy.ts';
import type { Tunnel, TunnelSpec } from '../../api/kinds/tunnel.ts';
import type { ResourceSet } from '../../api/resource-set.ts';

type Labels = Record<string, string>;

export function resourceSet(parts: Partial<ResourceSet>): ResourceSet {
  return {
    namespaces: [],
    pods: [],
    secrets: [],
    destinations: [],
    clusterDestinations: [],
    tunnels: [],
    destinationSources: [],
    nodePolicies: [],
    ...parts,
  };
}

export function namespace(name: string, labels: Labels = { 'leat.dev/intercept': 'enabled' }): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** `namespace/name`. */
export function pod(
  path: string,
  ips: readonly string[],
  { labels = {}, phase = 'Running', ...spec }: { labels?: Labels; phase?: string } & NonNullable<Pod['spec']> = {},
): Pod {
  const [inNamespace = '', name = ''] = path.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: inNamespace, name, uid: `uid-${path}`, labels },
    spec,
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  };
}

export function secret(path: string, stringData: Labels, labels: Labels = { 'leat.dev/credential': 'true' }): Secret {
  const [inNamespace = '', name = ''] = path.split('/');
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: inNamespace, name, labels }, stringData };
}

interface Created {
  /** Any text that a Kubernetes API server would write. */
  readonly created?: string;
}

const DESTINATION_SPEC: DestinationSpec = {
  hosts: ['erp.example.com'],
  ports: [{ port: 80, protocol: 'http' }],
  route: { type: 'internet' },
  authentication: { type: 'None' },
  workloads: { all: true },
};

/** `namespace/name`. */
export function destination(
  path: string,
  { created = '2026-01-01T00:00:00Z', ...spec }: Partial<DestinationSpec> & Created = {},
): Destination & { spec: DestinationSpec } {
  const [inNamespace = '', name = ''] = path.split('/');
  return {
    apiVersion: API_VERSION,
    kind: 'Destination',
    metadata: { namespace: inNamespace, name, creationTimestamp: created },
    spec: { ...DESTINATION_SPEC, ...spec },
  };
}

type ForNamespaces = Pick<ClusterDestination['spec'], 'namespaces' | 'overridable'>;

export function clusterDestination(
  name: string,
  { created = '2026-01-01T00:00:00Z', ...spec }: Partial<ForNamespaces & DestinationSpec> & Created = {},
): ClusterDestination {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterDestination',
    metadata: { name, creationTimestamp: created },
    spec: { ...DESTINATION_SPEC, namespaces: { all: true }, ...spec },
  };
}

export function tunnel(name: string, spec: Partial<TunnelSpec> = {}): Tunnel {
  return {
    apiVersion: API_VERSION,
    kind: 'Tunnel',
    metadata: { name },
    spec: {
      protocol: 'socks5',
      endpoints: [{ host: 'socks.platform.example', port: 1080 }],
      authentication: { type: 'None' },
      allow: [],
      ...spec,
    },
  };
}

/** Of the instance that the Secret `binding` describes; `default`, and nobody may use it. */
export function destinationSource(name: string, spec: Partial<DestinationSourceSpec> = {}): DestinationSource {
  return {
    apiVersion: API_VERSION,
    kind: 'DestinationSource',
    metadata: { name },
    spec: { default: true, binding: { secret: 'binding' }, tenantMode: 'dedicated', allow: [], ...spec },
  };
}

export function nodePolicy(
  name: string,
  { created = '2026-01-01T00:00:00Z', ...spec }: Partial<NodePolicySpec> & Created = {},
): NodePolicy {
  return {
    apiVersion: API_VERSION,
    kind: 'NodePolicy',
    metadata: { name, creationTimestamp: created },
    spec: { priority: 0, nodes: { all: true }, ...spec },
  };
}
