// SPDX-License-Identifier: Apache-2.0
/** Kubernetes' own kinds, as far as Leat reads them. Fields it does not read are passed over. */
import { ObjectMeta, textMap } from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

export const Namespace = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Namespace'),
  metadata: ObjectMeta,
});
export type Namespace = Static<typeof Namespace>;

export const Pod = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Pod'),
  metadata: ObjectMeta,
  spec: Type.Optional(
    Type.Object({
      nodeName: Type.Optional(Type.String({ description: 'node that the pod runs on' })),
      serviceAccountName: Type.Optional(Type.String({ description: 'service account that the pod runs under' })),
      hostNetwork: Type.Optional(
        Type.Boolean({ description: 'such a pod has no address of its own and is not captured' }),
      ),
    }),
  ),
  status: Type.Optional(
    Type.Object({
      phase: Type.Optional(Type.String({ description: 'Pending, Running, Succeeded, Failed' })),
      podIPs: Type.Optional(
        Type.Array(Type.Object({ ip: Type.String({ description: 'address of the pod' }) }), {
          description: 'addresses of the pod, at most one of each family',
        }),
      ),
    }),
  ),
});
export type Pod = Static<typeof Pod>;

/** Daemons read the Services of Destinations only. */
export const Service = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Service'),
  metadata: Type.Object({
    ...ObjectMeta.properties,
    ownerReferences: Type.Optional(
      Type.Array(
        Type.Object({
          apiVersion: Type.String({ description: 'group and version of the owner' }),
          kind: Type.String({ description: 'kind of the owner' }),
          name: Type.String({ description: 'name of the owner' }),
          uid: Type.String({ description: 'uid of the owner' }),
        }),
        { description: 'who it belongs to' },
      ),
    ),
  }),
  spec: Type.Optional(
    Type.Object({
      clusterIP: Type.Optional(Type.String({ description: 'address of the Service' })),
      clusterIPs: Type.Optional(
        Type.Array(Type.String({ description: 'address of the Service' }), {
          description: 'addresses of the Service, at most one of each family',
        }),
      ),
    }),
  ),
});
export type Service = Static<typeof Service>;

export const Secret = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Secret'),
  metadata: ObjectMeta,
  data: Type.Optional(textMap('values by key, in base64')),
  stringData: Type.Optional(textMap('values by key, as they are; takes precedence over data')),
});
export type Secret = Static<typeof Secret>;
