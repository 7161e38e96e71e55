// SPDX-License-Identifier: Apache-2.0
/**
 * A Destination as somebody wrote it, and everything between an application's request and its upstream: schema, rules,
 * compiler, credential source, token client, http service. Only the network is loopback, whatever the names.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseResource } from '../../api/parse-resource.ts';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import type { Connect } from '../../daemon/credentials/token-request.ts';
import { createVerifier } from '../../daemon/credentials/verify-user-token.ts';
import type { Destination } from '../../daemon/destination/destination.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import type { HttpContext } from '../../daemon/http/ports.ts';
import { type Clock, systemClock } from '../../daemon/net/clock.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { keepErrorForNextOwner } from '../../daemon/net/socket-ownership.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import { createTunnelDial } from '../../daemon/socks5/dial-tunnel.ts';
import { httpRoute, httpTarget } from './destinations.ts';
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
  /** A SOCKS5 server on loopback: then the route is `onPremise`, and the Tunnel `corp` allows `shop` everything given here. */
  readonly tunnel?: { readonly port: number; readonly hosts: readonly string[] };
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
    tokenFor: () => Promise.reject(new Error('the tunnel needs no token')),
  });
  const connectTo: Connect = (host, port, via, signal) =>
    via === null
      ? connectLoopback(host, port)
      : dialTunnel({ host, port, via: { kind: 'socks5', ...via }, connectTimeoutMs: 2000 }, signal);
  const credentials = createCredentialSource({
    clock,
    verify: createVerifier({ connect: connectTo, clock }),
    fetchToken: createTokenClient({
      connect: connectTo,
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
          via: { kind: 'socks5', tunnel: route.tunnel, locationId: route.locationId },
        }
      : {}),
  });
  const http = await startHttpLab(t, httpRoute([target]), upstreamPort, {
    credentials,
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
  const resources = [
    {
      apiVersion: 'leat.dev/v1alpha1',
      kind: 'Destination',
      metadata: { namespace: 'shop', name: 'erp' },
      spec: {
        hosts: ['erp.corp'],
        ports: [{ port: 80, protocol: 'http', ...port }],
        route: tunnel === undefined ? { type: 'internet' } : { type: 'onPremise', tunnel: 'corp' },
        authentication,
        workloads: { all: true },
        allowCleartext: true,
        ...spec,
      },
    },
    ...Object.entries(secrets).map(([name, values]) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'shop', name, labels: { 'leat.dev/credential': 'true' } },
      data: Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    })),
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
              allow: [{ namespaces: { names: ['shop'] }, hosts: tunnel.hosts, ports: [{ port: 1, endPort: 65_535 }] }],
            },
          },
        ]),
  ].map(parsed);
  const of = (kind: string) => resources.filter((resource) => resource.kind === kind) as never[];
  const { destinations } = compileSnapshot(
    resourceSet({ destinations: of('Destination'), secrets: of('Secret'), tunnels: of('Tunnel') }),
    { name: 'node-1', labels: {} },
  );
  const [destination] = destinations.all();
  if (destination === undefined) throw new Error('no Destination was compiled');
  return destination;
}

function parsed(resource: object) {
  const result = parseResource(resource);
  if (result.ok) return result.resource;
  throw new Error(result.problems.map(({ field, message }) => `${field}: ${message}`).join('\n'));
}

async function connectLoopback(_host: string, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.pause();
  keepErrorForNextOwner(socket);
  await once(socket, 'connect').catch((cause) => {
    throw new LeatError('UPSTREAM_CONNECT_FAILED', `no connection to 127.0.0.1:${port}`, { cause });
  });
  return socket;
}
