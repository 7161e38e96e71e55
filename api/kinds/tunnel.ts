// SPDX-License-Identifier: Apache-2.0
/** `Tunnel`: a SOCKS5 server or an HTTP proxy that leads to on-premise systems, and who may use it for what. */
import { TUNNEL_DEFAULTS } from '../defaults.ts';
import { API_VERSION } from '../group.ts';
import { FORMATS } from '../schema/formats.ts';
import { OAuth2Client } from '../schema/oauth2-client.ts';
import {
  CertificateAuthority,
  closed,
  durationMs,
  listOf,
  MAX_ITEMS,
  NamespaceSelector,
  ObjectMeta,
  oneOf,
  PortRange,
  port,
  text,
  UserPassword,
} from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

export const TunnelSpec = closed({
  protocol: oneOf(
    ['socks5', 'httpForward', 'httpConnect'],
    'how the tunnel is spoken to: SOCKS5, HTTP requests in absolute form (SAP port 20003), or HTTP CONNECT',
  ),
  endpoints: listOf(
    closed({
      host: text(FORMATS.hostOrAddress, 'host name or IP address of the tunnel'),
      port: port('TCP port of the tunnel'),
    }),
    { minItems: 1, maxItems: 8 },
    'where the tunnel is; a connection that fails tries the next',
  ),
  tls: Type.Optional(
    closed(
      {
        serverName: Type.Optional(text(FORMATS.hostName, "name that is verified. Default the endpoint's host.")),
        ca: Type.Optional(CertificateAuthority),
      },
      "TLS to the endpoints; ca replaces the system's roots",
    ),
  ),
  authentication: closed(
    {
      type: oneOf(
        ['None', 'UserPassword', 'SapJwt', 'Bearer'],
        'user and password (RFC 1929, or Basic), or a token: SapJwt in SOCKS5 (SAP method 0x80), Bearer in HTTP',
      ),
      userPassword: Type.Optional(closed(UserPassword.properties, 'for type UserPassword: from one Secret')),
      oauth2: Type.Optional(closed(OAuth2Client.properties, 'for types SapJwt and Bearer: where the token comes from')),
    },
    'how Leat authenticates to the tunnel: type, and the field that belongs to it',
  ),
  regionId: Type.Optional(
    text(FORMATS.locationId, 'region that a proxy of several is asked for; httpForward only. Default none is said.'),
  ),
  maxRequestHeadBytes: Type.Optional(
    Type.Integer({
      minimum: 1_024,
      maximum: 65_536,
      description: `longest request line, and longest header, that the proxy takes; httpForward only. Default ${TUNNEL_DEFAULTS.maxRequestHeadBytes}.`,
    }),
  ),
  allow: listOf(
    closed({
      namespaces: NamespaceSelector,
      hosts: listOf(
        text(FORMATS.hostPattern, 'host name, *.suffix, or * for any'),
        { minItems: 1, maxItems: MAX_ITEMS },
        'hosts that may be asked of the tunnel',
      ),
      ports: listOf(PortRange, { minItems: 1, maxItems: MAX_ITEMS }, 'ports that may be asked of the tunnel'),
      locationIds: Type.Optional(
        listOf(
          text(FORMATS.locationId, 'location id'),
          { minItems: 1, maxItems: MAX_ITEMS },
          'location ids that may be asked of the tunnel. Default none but the default location.',
        ),
      ),
    }),
    { maxItems: 64 },
    'who may use the tunnel for what; nobody where it is empty',
  ),
  timeouts: Type.Optional(
    closed(
      {
        connectMs: Type.Optional(
          durationMs(
            100,
            60_000,
            `until a TCP connection to an endpoint stands. Default ${TUNNEL_DEFAULTS.connectMs}.`,
          ),
        ),
        handshakeMs: Type.Optional(
          durationMs(
            100,
            60_000,
            `until the tunnel has connected to the target. Default ${TUNNEL_DEFAULTS.handshakeMs}.`,
          ),
        ),
      },
      'how long is waited',
    ),
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
