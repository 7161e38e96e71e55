// SPDX-License-Identifier: Apache-2.0
/** `Tunnel`: a SOCKS5 server that leads to on-premise systems, and who may use it for what. */
import Type, { type Static } from 'typebox';
import { API_VERSION } from '../group.ts';
import {
  closed,
  HostName,
  HostOrAddress,
  HostPattern,
  MAX_ITEMS,
  NamespaceSelector,
  OAuth2Client,
  ObjectMeta,
  oneOf,
  Port,
  PortRange,
  SecretValue,
  UserPassword,
} from '../schema/parts.ts';

export const TunnelSpec = closed({
  protocol: oneOf(['socks5'], 'how the tunnel is spoken to'),
  endpoints: Type.Array(closed({ host: HostOrAddress, port: Port }), { minItems: 1, maxItems: 8 }),
  tls: Type.Optional(closed({ serverName: Type.Optional(HostName), ca: Type.Optional(SecretValue) })),
  authentication: closed({
    type: oneOf(['None', 'UserPassword', 'SapJwt'], 'RFC 1928 method: 0x00, 0x02 (RFC 1929) or SAP 0x80'),
    userPassword: Type.Optional(UserPassword),
    oauth2: Type.Optional(OAuth2Client),
  }),
  /** Who may use the tunnel, for which hosts, ports and locations. Nobody where it is empty. */
  allow: Type.Array(
    closed({
      namespaces: NamespaceSelector,
      hosts: Type.Array(HostPattern, { minItems: 1, maxItems: MAX_ITEMS }),
      ports: Type.Array(PortRange, { minItems: 1, maxItems: MAX_ITEMS }),
      locationIds: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: MAX_ITEMS }),
      ),
    }),
    { maxItems: 64 },
  ),
  timeouts: Type.Optional(
    closed({
      connectMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
      handshakeMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
    }),
  ),
});
export type TunnelSpec = Static<typeof TunnelSpec>;

export const Tunnel = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('Tunnel'),
  metadata: ObjectMeta,
  spec: TunnelSpec,
  status: Type.Optional(Type.Unknown()),
});
export type Tunnel = Static<typeof Tunnel>;
