// SPDX-License-Identifier: Apache-2.0
/** Kubernetes' own kinds, as far as Leat reads them. Fields it does not read are passed over. */
import Type, { type Static } from 'typebox';
import { ObjectMeta } from '../schema/parts.ts';

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
      nodeName: Type.Optional(Type.String()),
      serviceAccountName: Type.Optional(Type.String()),
      hostNetwork: Type.Optional(Type.Boolean()),
    }),
  ),
  status: Type.Optional(
    Type.Object({
      phase: Type.Optional(Type.String()),
      podIPs: Type.Optional(Type.Array(Type.Object({ ip: Type.String() }))),
    }),
  ),
});
export type Pod = Static<typeof Pod>;

export const Secret = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Secret'),
  metadata: ObjectMeta,
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
  stringData: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type Secret = Static<typeof Secret>;
