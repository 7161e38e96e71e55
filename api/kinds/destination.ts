// SPDX-License-Identifier: Apache-2.0
/** `Destination` and `ClusterDestination`: which hosts, which route, which authentication, for whom. */
import Type, { type Static } from 'typebox';
import { API_VERSION } from '../group.ts';
import {
  closed,
  HeaderName,
  HeaderValue,
  HostName,
  HostOrAddress,
  HostPattern,
  NamespaceSelector,
  OAuth2Client,
  ObjectMeta,
  oneOf,
  Port,
  ResourceName,
  SecretKey,
  SecretValue,
  UserPassword,
  WorkloadSelector,
} from '../schema/parts.ts';

/** TLS that Leat originates towards the upstream; the certificate is always verified, TLS 1.2 or newer. */
const UpstreamTls = closed({
  serverName: Type.Optional(HostName),
  ca: Type.Optional(SecretValue),
});

const DestinationPort = closed({
  port: Port,
  protocol: oneOf(['http', 'https', 'tls', 'tcp'], 'what the application speaks on this port'),
  upstream: Type.Optional(
    closed({
      host: Type.Optional(HostOrAddress),
      port: Type.Optional(Port),
      pathPrefix: Type.Optional(Type.String({ pattern: '^/[!-~]*$', maxLength: 1024 })),
      tls: Type.Optional(UpstreamTls),
    }),
  ),
});

const Route = closed({
  type: oneOf(['internet', 'onPremise'], 'where the target is'),
  tunnel: Type.Optional(ResourceName),
  locationId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  virtualHost: Type.Optional(HostOrAddress),
});

const Authentication = closed({
  type: oneOf(
    ['None', 'Basic', 'Header', 'ClientCertificate', 'OAuth2ClientCredentials'],
    'how Leat authenticates to the target',
  ),
  basic: Type.Optional(UserPassword),
  header: Type.Optional(
    closed({ name: HeaderName, prefix: Type.Optional(HeaderValue), secret: ResourceName, key: SecretKey }),
  ),
  clientCertificate: Type.Optional(
    closed({
      secret: ResourceName,
      certificateKey: Type.Optional(SecretKey),
      keyKey: Type.Optional(SecretKey),
    }),
  ),
  oauth2: Type.Optional(OAuth2Client),
});

const mode = oneOf(['append', 'set'], 'append keeps what the application sent, set replaces it');

const DestinationSpecFields = {
  hosts: Type.Array(HostPattern, { minItems: 1, maxItems: 64 }),
  paths: Type.Optional(
    Type.Array(Type.String({ pattern: '^/[!-~]*$', maxLength: 1024 }), { minItems: 1, maxItems: 64 }),
  ),
  ports: Type.Array(DestinationPort, { minItems: 1, maxItems: 64 }),
  addresses: Type.Optional(
    oneOf(['Synthetic', 'Real'], 'what DNS answers for these hosts; Real captures by resolved address, best effort'),
  ),
  route: Route,
  authentication: Authentication,
  headers: Type.Optional(
    Type.Array(
      closed({
        name: HeaderName,
        value: Type.Optional(HeaderValue),
        secret: Type.Optional(SecretValue),
        mode,
      }),
      { maxItems: 64 },
    ),
  ),
  queries: Type.Optional(
    Type.Array(
      closed({
        name: Type.String({ minLength: 1, maxLength: 256 }),
        value: Type.Optional(Type.String({ maxLength: 4096 })),
        secret: Type.Optional(SecretValue),
        mode,
      }),
      { maxItems: 64 },
    ),
  ),
  timeouts: Type.Optional(
    closed({
      connectMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 300_000 })),
      responseMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 43_200_000 })),
      idleMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
    }),
  ),
  retries: Type.Optional(
    closed({
      count: Type.Integer({ minimum: 0, maximum: 5 }),
      statuses: Type.Optional(Type.Array(Type.Integer({ minimum: 500, maximum: 599 }), { maxItems: 16 })),
    }),
  ),
  workloads: WorkloadSelector,
  allowCleartext: Type.Optional(Type.Boolean()),
};

export const DestinationSpec = closed(DestinationSpecFields);
export type DestinationSpec = Static<typeof DestinationSpec>;
export type AuthenticationSpec = Static<typeof Authentication>;

export const Destination = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('Destination'),
  metadata: ObjectMeta,
  spec: DestinationSpec,
  status: Type.Optional(Type.Unknown()),
});
export type Destination = Static<typeof Destination>;

export const ClusterDestination = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('ClusterDestination'),
  metadata: ObjectMeta,
  spec: closed({
    ...DestinationSpecFields,
    namespaces: NamespaceSelector,
    overridable: Type.Optional(Type.Boolean()),
  }),
  status: Type.Optional(Type.Unknown()),
});
export type ClusterDestination = Static<typeof ClusterDestination>;
