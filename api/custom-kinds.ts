// SPDX-License-Identifier: Apache-2.0
/** The kinds of the group `leat.dev` as an API server knows them: names, scope, columns, and the schemas of spec and status. */
import { ClusterDestination, Destination } from './kinds/destination.ts';
import { DestinationSource } from './kinds/destination-source.ts';
import { NodePolicy } from './kinds/node-policy.ts';
import { NodeStateStatus } from './kinds/node-state.ts';
import { DestinationSourceStatus, ResourceStatus } from './kinds/status.ts';
import { Tunnel } from './kinds/tunnel.ts';
import type { SchemaNode } from './schema/schema-node.ts';
import type { TSchema } from './schema/type.ts';

/** A column of `kubectl get`; those of priority 1 are shown with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly priority?: 1;
  readonly description?: string;
}

export interface CustomKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly namespaced: boolean;
  readonly description: string;
  /** Null for a kind that has a status only. */
  readonly spec: SchemaNode | null;
  readonly status: SchemaNode;
  readonly columns: readonly PrinterColumn[];
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const READY: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
];
const DESTINATION_COLUMNS: readonly PrinterColumn[] = [
  { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts' },
  { name: 'Route', type: 'string', jsonPath: '.spec.route.type' },
  { name: 'Authentication', type: 'string', jsonPath: '.spec.authentication.type', priority: 1 },
  { name: 'Tunnel', type: 'string', jsonPath: '.spec.route.tunnel', priority: 1 },
  { name: 'From', type: 'string', jsonPath: '.spec.from.name', priority: 1 },
  ...READY,
  AGE,
];

/** TypeBox's own types and those of JSON schema are two views of one thing. */
function nodeOf(schema: TSchema): SchemaNode {
  return schema as SchemaNode;
}

const STATUS = nodeOf(ResourceStatus);

function specOf(schema: TSchema): SchemaNode {
  const spec = nodeOf(schema).properties?.spec;
  if (spec === undefined) throw new TypeError('the schema of a kind has no spec');
  return spec;
}

export const CUSTOM_KINDS = {
  Destination: {
    kind: 'Destination',
    plural: 'destinations',
    shortName: 'ldst',
    namespaced: true,
    description: 'Which hosts go where, with which credential, for which workloads of its namespace.',
    spec: specOf(Destination),
    status: STATUS,
    columns: DESTINATION_COLUMNS,
  },
  ClusterDestination: {
    kind: 'ClusterDestination',
    plural: 'clusterdestinations',
    shortName: 'lcdst',
    namespaced: false,
    description: "A Destination for the namespaces that it selects; its Secrets are those of Leat's own namespace.",
    spec: specOf(ClusterDestination),
    status: STATUS,
    columns: DESTINATION_COLUMNS,
  },
  Tunnel: {
    kind: 'Tunnel',
    plural: 'tunnels',
    shortName: 'ltun',
    namespaced: false,
    description: 'A SOCKS5 server that leads to on-premise systems, and who may use it for what.',
    spec: specOf(Tunnel),
    status: STATUS,
    columns: [
      { name: 'Protocol', type: 'string', jsonPath: '.spec.protocol' },
      { name: 'Endpoint', type: 'string', jsonPath: '.spec.endpoints[0].host' },
      ...READY,
      AGE,
    ],
  },
  DestinationSource: {
    kind: 'DestinationSource',
    plural: 'destinationsources',
    shortName: 'lsrc',
    namespaced: false,
    description: "An instance of SAP's Destination service, and who may use what of it.",
    spec: specOf(DestinationSource),
    status: nodeOf(DestinationSourceStatus),
    columns: [
      { name: 'Default', type: 'string', jsonPath: '.spec.default' },
      { name: 'Tunnel', type: 'string', jsonPath: '.spec.tunnel' },
      { name: 'Imported', type: 'string', jsonPath: '.status.imports[*].used', priority: 1 },
      ...READY,
      AGE,
    ],
  },
  NodePolicy: {
    kind: 'NodePolicy',
    plural: 'nodepolicies',
    shortName: 'lnp',
    namespaced: false,
    description: 'What nodes capture, what is refused, what happens in failure, and who may claim which names.',
    spec: specOf(NodePolicy),
    status: STATUS,
    columns: [
      { name: 'Priority', type: 'integer', jsonPath: '.spec.priority' },
      { name: 'Default-Action', type: 'string', jsonPath: '.spec.defaultAction' },
      ...READY,
      AGE,
    ],
  },
  NodeState: {
    kind: 'NodeState',
    plural: 'nodestates',
    shortName: 'lns',
    namespaced: false,
    description: 'What the daemon of the node of this name reports; written by it alone, read by the controller.',
    spec: null,
    status: nodeOf(NodeStateStatus),
    columns: [
      { name: 'Self-Test', type: 'string', jsonPath: '.status.selfTest.result' },
      { name: 'Ready', type: 'integer', jsonPath: '.status.snapshot.ready' },
      { name: 'Not-Ready', type: 'integer', jsonPath: '.status.notReadyTotal' },
      { name: 'Pods', type: 'integer', jsonPath: '.status.snapshot.enrolledPods' },
      { name: 'Seen', type: 'date', jsonPath: '.status.observedTime' },
      { name: 'Version', type: 'string', jsonPath: '.status.version', priority: 1 },
      AGE,
    ],
  },
} as const satisfies Record<string, CustomKind>;
