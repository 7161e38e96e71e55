// SPDX-License-Identifier: Apache-2.0
/** `NodeState`: what the daemon of one node reports, from which the controller computes the statuses of all other kinds. */
import { FORMATS } from '../schema/formats.ts';
import { ImportCounts } from '../schema/import-counts.ts';
import { closed, listOf, oneOf, text } from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

/** More would not be read by anyone, and the object is rewritten as a whole. */
const MAX_NOT_READY = 100;

export const NodeStateStatus = closed(
  {
    observedTime: text(FORMATS.timestamp, 'when the daemon wrote this last; written at least every five minutes'),
    version: Type.Optional(Type.String({ maxLength: 64, description: 'version of the daemon' })),
    endedPod: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 400,
        description:
          'uid of the pod whose daemon has ended: nothing of it serves any more, and its successor may start',
      }),
    ),
    captureMode: Type.Optional(oneOf(['Node'], 'how connections are captured: by rules of the node')),
    selfTest: Type.Optional(
      closed(
        {
          result: oneOf(['Passed', 'Failed', 'Off'], 'whether the daemon proved that connections are captured'),
          time: Type.Optional(text(FORMATS.timestamp, 'when it was tried last')),
          message: Type.Optional(Type.String({ maxLength: 1024, description: 'what failed, and the cure' })),
        },
        'the last self-test',
      ),
    ),
    snapshot: Type.Optional(
      closed(
        {
          source: oneOf(['Live', 'Saved'], 'from the API server, or from the disk of the node'),
          time: text(FORMATS.timestamp, 'when the API server was heard of last'),
          destinations: Type.Integer({ minimum: 0, description: 'Destinations and ClusterDestinations known' }),
          ready: Type.Integer({ minimum: 0, description: 'how many of them are ready here' }),
          digest: Type.Optional(
            Type.String({ maxLength: 64, description: 'of the resources and their generations, for comparison only' }),
          ),
          enrolledPods: Type.Integer({ minimum: 0, description: 'enrolled pods of this node' }),
        },
        'the state of the resources that the daemon acts on',
      ),
    ),
    notReady: Type.Optional(
      listOf(
        closed({
          kind: oneOf(
            ['Destination', 'ClusterDestination', 'Tunnel', 'DestinationSource', 'NodePolicy'],
            'kind of the resource',
          ),
          namespace: Type.Optional(text(FORMATS.namespaceName, 'its namespace, where it has one')),
          name: text(FORMATS.resourceName, 'its name'),
          generation: Type.Optional(Type.Integer({ minimum: 0, description: 'metadata.generation that this is of' })),
          reason: Type.String({ minLength: 1, maxLength: 128, description: 'why, as one word for programs' }),
          message: Type.String({ maxLength: 1024, description: 'why, for people, with the cure' }),
        }),
        { maxItems: MAX_NOT_READY },
        'resources that are not ready on this node',
      ),
    ),
    imports: Type.Optional(
      listOf(
        closed({ source: text(FORMATS.resourceName, 'DestinationSource'), ...ImportCounts.properties }),
        { maxItems: 64 },
        'what became of the entries that DestinationSources import',
      ),
    ),
    notReadyTotal: Type.Optional(
      Type.Integer({ minimum: 0, description: 'how many are not ready, also those beyond the list' }),
    ),
  },
  'what the daemon of the node found; written by it alone',
);
export type NodeStateStatus = Static<typeof NodeStateStatus>;
