// SPDX-License-Identifier: Apache-2.0
/** `Destination` and `ClusterDestination`: which hosts, which route, which authentication, for whom. */
import { DESTINATION_DEFAULTS } from '../defaults.ts';
import { API_VERSION } from '../group.ts';
import { FORMATS } from '../schema/formats.ts';
import {
  CertificateAuthority,
  closed,
  durationMs,
  listOf,
  NamespaceSelector,
  ObjectMeta,
  oneOf,
  port,
  secretValue,
  text,
  WorkloadSelector,
} from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';
import { Authentication } from './authentication.ts';
import { DestinationAction } from './destination-action.ts';
import { DestinationService } from './destination-service.ts';
import { From } from './destination-source.ts';
import { Gateway } from './gateway.ts';

const UpstreamTls = closed(
  {
    serverName: Type.Optional(
      text(FORMATS.hostName, 'name that is sent as SNI and verified. Default the host of the upstream.'),
    ),
    ca: Type.Optional(CertificateAuthority),
  },
  "TLS that Leat originates, always verified, 1.2 or newer; ca replaces the system's roots; http only",
);

const DestinationPort = closed({
  port: port('port that the application connects to'),
  protocol: oneOf(['http', 'https', 'tls', 'tcp'], 'what the application speaks on this port'),
  upstream: Type.Optional(
    closed(
      {
        host: Type.Optional(text(FORMATS.hostOrAddress, 'where it goes. Default the name that was asked.')),
        port: Type.Optional(
          port(
            `port of the target. Default the same, ${DESTINATION_DEFAULTS.tlsUpstreamPort} where Leat originates TLS.`,
          ),
        ),
        pathPrefix: Type.Optional(text(FORMATS.path, 'is put in front of every path; http only')),
        tls: Type.Optional(UpstreamTls),
      },
      'where connections to this port go. Default the name and port that were asked.',
    ),
  ),
});

const Route = closed(
  {
    type: oneOf(['internet', 'onPremise'], 'where the target is: reached directly, or through a tunnel'),
    tunnel: Type.Optional(text(FORMATS.resourceName, 'name of the Tunnel; onPremise only')),
    locationId: Type.Optional(
      text(
        FORMATS.locationId,
        'which of the connectors behind the tunnel; onPremise only. Default the default location.',
      ),
    ),
    virtualHost: Type.Optional(
      text(
        FORMATS.hostOrAddress,
        'name that is asked of the tunnel; onPremise only. Default the host of the upstream.',
      ),
    ),
  },
  'how the target is reached; required without from and gateway',
);

const mode = oneOf(['append', 'set'], 'append keeps what the application sent, set replaces it');

const DestinationSpecFields = {
  hosts: Type.Optional(
    listOf(
      text(
        FORMATS.hostPattern,
        'host name, or *.suffix: one or more labels in front of the suffix, not the suffix itself',
      ),
      { minItems: 1, maxItems: 64, key: 'set' },
      'names that the application uses; required without from and gateway. Default the host of the entry.',
    ),
  ),
  from: Type.Optional(From),
  gateway: Type.Optional(Gateway),
  actions: Type.Optional(
    listOf(
      DestinationAction,
      { minItems: 1, maxItems: 3 },
      'tokens that Leat gets by itself in place of what the entry says; with from only. One of them may apply.',
    ),
  ),
  paths: Type.Optional(
    listOf(
      text(FORMATS.path, 'path prefix'),
      { minItems: 1, maxItems: 64, key: 'set' },
      'paths of these hosts that it is for; the longest prefix wins; http only. Default every path.',
    ),
  ),
  ports: Type.Optional(
    listOf(
      DestinationPort,
      { minItems: 1, maxItems: 64, key: 'port' },
      'ports of these hosts that it is for; required without from and gateway',
    ),
  ),
  addresses: Type.Optional(
    oneOf(
      ['Synthetic', 'Real'],
      `what DNS answers for these hosts; Real captures by resolved address, best effort. Default ${DESTINATION_DEFAULTS.addresses}.`,
    ),
  ),
  route: Type.Optional(Route),
  authentication: Type.Optional(Authentication),
  headers: Type.Optional(
    listOf(
      closed({
        name: text(FORMATS.headerName, 'name of the header'),
        value: Type.Optional(text(FORMATS.headerValue, 'value, where it is no secret')),
        secret: Type.Optional(secretValue('value from a Secret')),
        mode,
      }),
      { maxItems: 64 },
      'headers that are added to each request: value or secret; http only',
    ),
  ),
  queries: Type.Optional(
    listOf(
      closed({
        name: Type.String({ minLength: 1, maxLength: 256, description: 'name of the query parameter, not encoded' }),
        value: Type.Optional(
          Type.String({ maxLength: 4096, description: 'value, where it is no secret; not encoded' }),
        ),
        secret: Type.Optional(secretValue('value from a Secret')),
        mode,
      }),
      { maxItems: 64 },
      'query parameters that are added to each request: value or secret; http only',
    ),
  ),
  timeouts: Type.Optional(
    closed(
      {
        connectMs: Type.Optional(
          durationMs(
            100,
            300_000,
            `until the target is connected, TLS included. Default ${DESTINATION_DEFAULTS.connectMs}.`,
          ),
        ),
        responseMs: Type.Optional(
          durationMs(
            100,
            43_200_000,
            `from the end of an http request to the head of its response. Default ${DESTINATION_DEFAULTS.responseMs}.`,
          ),
        ),
        idleMs: Type.Optional(
          durationMs(
            1000,
            86_400_000,
            `without a byte in either direction until the connection is ended. Default ${DESTINATION_DEFAULTS.idleMs}.`,
          ),
        ),
      },
      'how long is waited',
    ),
  ),
  retries: Type.Optional(
    closed(
      {
        count: Type.Integer({ minimum: 0, maximum: 5, description: 'further attempts after the first' }),
        statuses: Type.Optional(
          listOf(
            Type.Integer({ minimum: 408, maximum: 599, description: 'HTTP status: 408, 425, 429, or one from 500' }),
            { maxItems: 16 },
            `statuses that are tried again. Default ${DESTINATION_DEFAULTS.retryStatuses.join(', ')}.`,
          ),
        ),
      },
      `requests that may safely be repeated are tried again; http only. Default ${DESTINATION_DEFAULTS.retryCount} times.`,
    ),
  ),
  workloads: WorkloadSelector,
  allowCleartext: Type.Optional(
    Type.Boolean({ description: 'permit a credential on a wire without TLS. Default false.' }),
  ),
};

const AnyDestinationSpec = closed(DestinationSpecFields);
type AnyDestinationSpec = Static<typeof AnyDestinationSpec>;
type Written = 'hosts' | 'ports' | 'route' | 'authentication';

/** Hosts, ports, route and authentication are written out: all of them are there (api/rules). */
export type DestinationSpec = Omit<AnyDestinationSpec, Written | 'from' | 'gateway' | 'actions'> &
  Required<Pick<AnyDestinationSpec, Written>> & { readonly from?: undefined; readonly gateway?: undefined };
type BesideEntry = Pick<
  AnyDestinationSpec,
  'hosts' | 'paths' | 'addresses' | 'timeouts' | 'retries' | 'workloads' | 'allowCleartext'
> & { readonly route?: undefined };
/** They come from an entry of an SAP Destination service. */
export type DestinationFromSpec = BesideEntry &
  Pick<AnyDestinationSpec, 'actions'> & { readonly from: From; readonly gateway?: undefined };
/** They come from the entry that each request names. */
export type DestinationGatewaySpec = BesideEntry & { readonly gateway: Gateway; readonly from?: undefined };
export type AnyEntrySpec = DestinationFromSpec | DestinationGatewaySpec;
export type AuthenticationSpec = Static<typeof Authentication>;

export const Destination = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('Destination'),
  metadata: ObjectMeta,
  spec: closed({ ...DestinationSpecFields, service: Type.Optional(DestinationService) }),
  status: Type.Optional(Type.Unknown()),
});
export type Destination = Omit<Static<typeof Destination>, 'spec'> & {
  spec: (DestinationSpec | AnyEntrySpec) & { service?: DestinationService };
};

export const ClusterDestination = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('ClusterDestination'),
  metadata: ObjectMeta,
  spec: closed({
    ...DestinationSpecFields,
    namespaces: NamespaceSelector,
    overridable: Type.Optional(
      Type.Boolean({
        description: `whether a Destination of a namespace may stand in front of it. Default ${DESTINATION_DEFAULTS.overridable}.`,
      }),
    ),
  }),
  status: Type.Optional(Type.Unknown()),
});
type ForNamespaces = Pick<Static<typeof ClusterDestination>['spec'], 'namespaces' | 'overridable'>;
export type ClusterDestination = Omit<Static<typeof ClusterDestination>, 'spec'> & {
  spec: (DestinationSpec | AnyEntrySpec) & ForNamespaces;
};
