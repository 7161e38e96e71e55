// SPDX-License-Identifier: Apache-2.0
/**
 * A Destination as somebody wrote it, and everything between an application's request and its upstream: schema, rules,
 * compiler, credential source, token client, http service. Only the network is loopback, whatever the names.
 */
import { parseResource } from '../../api/parse-resource.ts';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import type { Connect } from '../../daemon/credentials/token-request.ts';
import { createVerifier } from '../../daemon/credentials/verify-user-token.ts';
import type { Destination } from '../../daemon/destination/destination.ts';
import type { HttpContext } from '../../daemon/http/ports.ts';
import { type Clock, systemClock } from '../../daemon/net/clock.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import { throughTunnel } from '../../daemon/routing/route.ts';
import { createTunnelDial } from '../../daemon/tunnel/dial-tunnel.ts';
import { createForwardFields } from '../../daemon/tunnel/forward-fields.ts';
import { connectLoopback } from './connect-loopback.ts';
import { httpRoute, httpTarget } from './destinations.ts';
import { noteSecretsOf } from './evidence.ts';
import { type HttpLab, sendRaw, startHttpLab } from './http-lab.ts';
import { resourceSet } from './resources.ts';

export interface CredentialsLabOptions {
  /** As it stands in the resource. */
  readonly authentication: Readonly<Record<string, unknown>>;
  /** Values by Secret and key; a Buffer is a file that is no text. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string | Buffer>>>>;
  readonly upstreamPort: number;
  /** Further fields of the Destination's spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Further fields of the one port, for example `upstream`. */
  readonly port?: Readonly<Record<string, unknown>>;
  /**
   * A SOCKS5 server or a proxy on loopback: then the route is `onPremise`, and the Tunnel `corp` allows `shop` everything
   * given here.
   */
  readonly tunnel?: {
    readonly port: number;
    readonly hosts: readonly string[];
    /** Further fields of the Tunnel's spec. */
    readonly spec?: Readonly<Record<string, unknown>>;
    /** In Leat's own namespace, by Secret and key. */
    readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly locationId?: string;
  };
  readonly clock?: Clock;
  /** Who records requests; default the lab of the http service. */
  readonly startRequest?: HttpContext['startRequest'];
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** `X-Error-Internal-Code`; empty where the upstream answered. */
  readonly code: string;
}

export interface CredentialsLab {
  readonly http: HttpLab;
  readonly destination: Destination;
  /** Token requests so far, by outcome. */
  readonly tokenRequests: ('ok' | 'failed')[];
  /** A GET of the application, with these header lines. */
  get(...headers: readonly string[]): Promise<Answer>;
}

interface Teardown {
  teardown(end: () => unknown): void;
}

/** @throws Error with every problem where the resource is refused */
export async function startCredentialsLab(t: Teardown, options: CredentialsLabOptions): Promise<CredentialsLab> {
  const { clock = systemClock, tunnel, upstreamPort } = options;
  const destination = compile(options);
  const tokenRequests: ('ok' | 'failed')[] = [];
  const dialTunnel = createTunnelDial({
    dialEndpoint: createDial({ resolve: async () => ['127.0.0.1'], guard: () => null }),
    startTls,
    tokenFor: (...asked) => credentials.tokenFor(...asked),
  });
  const connectTo: Connect = (host, port, via, signal) =>
    via === null
      ? connectLoopback(host, port)
      : dialTunnel({ host, port, via: throughTunnel(via.tunnel, via.locationId), connectTimeoutMs: 2000 }, signal);
  const forwardFields = createForwardFields((...asked) => credentials.tokenFor(...asked));
  const credentials = createCredentialSource({
    clock,
    verify: createVerifier({ connect: connectTo, clock }),
    fetchToken: createTokenClient({
      connect: connectTo,
      async forwardFields({ tunnel: behind, locationId }, asked, signal) {
        const via = throughTunnel(behind, locationId);
        return via.kind === 'httpForward' ? forwardFields(via, asked, signal) : [];
      },
      clock,
      onRequest: (outcome) => tokenRequests.push(outcome),
    }),
  });
  t.teardown(() => credentials.close());
  const { route } = destination.resolved.ready ? destination.resolved : { route: { type: 'internet' } as const };
  const target = httpTarget(destination, {
    tls: destination.ports[0]?.upstream.tls ?? null,
    // In a tunnel the name is resolved at its far end.
    ...(route.type === 'onPremise'
      ? {
          host: 'localhost',
          port: upstreamPort,
          via: throughTunnel(route.tunnel, route.locationId),
        }
      : {}),
  });
  const http = await startHttpLab(t, httpRoute([target]), upstreamPort, {
    credentials,
    forwardFields,
    ...(tunnel === undefined ? {} : { dial: dialTunnel }),
    ...(options.startRequest === undefined ? {} : { startRequest: options.startRequest }),
  });
  return {
    http,
    destination,
    tokenRequests,
    async get(...headers) {
      const lines = ['GET /orders HTTP/1.1', 'Host: erp.corp', 'Connection: close', ...headers];
      const { status, text } = await sendRaw(http.port, `${lines.join('\r\n')}\r\n\r\n`);
      return { status, text, code: /^x-error-internal-code: (\S+)/im.exec(text)?.[1] ?? '' };
    },
  };
}

function compile({ authentication, secrets = {}, spec = {}, port = {}, tunnel }: CredentialsLabOptions): Destination {
  const written = [
    {
      apiVersion: 'leat.dev/v1alpha1',
      kind: 'Destination',
      metadata: { namespace: 'shop', name: 'erp' },
      spec: {
        hosts: ['erp.corp'],
        ports: [{ port: 80, protocol: 'http', ...port }],
        route: routeOf(tunnel),
        authentication,
        workloads: { all: true },
        allowCleartext: true,
        ...spec,
      },
    },
    ...secretsIn('shop', secrets),
    ...secretsIn('leat-system', tunnel?.secrets ?? {}),
    ...(tunnel === undefined
      ? []
      : [
          {
            apiVersion: 'leat.dev/v1alpha1',
            kind: 'Tunnel',
            metadata: { name: 'corp' },
            spec: {
              protocol: 'socks5',
              endpoints: [{ host: '127.0.0.1', port: tunnel.port }],
              authentication: { type: 'None' },
              allow: [
                {
                  namespaces: { names: ['shop'] },
                  hosts: tunnel.hosts,
                  ports: [{ port: 1, endPort: 65_535 }],
                  ...(tunnel.locationId === undefined ? {} : { locationIds: [tunnel.locationId] }),
                },
              ],
              ...tunnel.spec,
            },
          },
        ]),
  ];
  noteSecretsOf(written);
  const resources = written.map(parsed);
  const of = (kind: string) => resources.filter((resource) => resource.kind === kind) as never[];
  const { destinations } = compileSnapshot(
    resourceSet({ destinations: of('Destination'), secrets: of('Secret'), tunnels: of('Tunnel') }),
    { name: 'node-1', labels: {} },
  );
  const [destination] = destinations.all();
  if (destination === undefined) throw new Error('no Destination was compiled');
  return destination;
}

function routeOf(tunnel: CredentialsLabOptions['tunnel']): Readonly<Record<string, unknown>> {
  if (tunnel === undefined) return { type: 'internet' };
  const { locationId } = tunnel;
  return { type: 'onPremise', tunnel: 'corp', ...(locationId === undefined ? {} : { locationId }) };
}

function secretsIn(namespace: string, secrets: NonNullable<CredentialsLabOptions['secrets']>): object[] {
  return Object.entries(secrets).map(([name, values]) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, labels: { 'leat.dev/credential': 'true' } },
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  }));
}

function parsed(resource: object) {
  const result = parseResource(resource);
  if (result.ok) return result.resource;
  throw new Error(result.problems.map(({ field, message }) => `${field}: ${message}`).join('\n'));
}
