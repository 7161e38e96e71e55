// SPDX-License-Identifier: Apache-2.0
/** `spec.service` of a Destination: a Service of the cluster by whose name the target is reached, from any pod that may. */
import { FORMATS } from '../schema/formats.ts';
import { closed, listOf, NamespaceSelector, port, text, WorkloadSelector } from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

export const DestinationService = closed(
  {
    name: Type.Optional(text(FORMATS.serviceName, "name of the Service. Default the Destination's name.")),
    ports: Type.Optional(
      listOf(
        port('one of the ports of the Destination; with from or gateway any port'),
        { minItems: 1, maxItems: 64, key: 'set' },
        'which ports the Service has. Default all ports of the Destination, 80 with from or gateway.',
      ),
    ),
    access: Type.Optional(
      listOf(
        closed({ namespaces: NamespaceSelector, workloads: WorkloadSelector }),
        { maxItems: 64 },
        'further pods that may use the Service, enrolled or not. Default only enrolled pods that may use the Destination.',
      ),
    ),
  },
  'a Service, without endpoints, in the namespace of the Destination; connections to it are taken to the target',
);
export type DestinationService = Static<typeof DestinationService>;
