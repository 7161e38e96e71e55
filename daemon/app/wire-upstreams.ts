// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from 'node:os';
import type { Config } from '../config/config.ts';
import { createCredentialSource } from '../credentials/credential-source.ts';
import { createTokenClient } from '../credentials/token-client.ts';
import type { Connect, ForwardFields } from '../credentials/token-request.ts';
import { createVerifier } from '../credentials/verify-user-token.ts';
import type { AskService } from '../destination-service/ask-service.ts';
import type { ListEntries } from '../destination-service/list-entries.ts';
import { LeatError } from '../errors/leat-error.ts';
import { createHttpService, type HttpService } from '../http/http-service.ts';

import type { CredentialSource as HttpCredentials, TakeSocket } from '../http/ports.ts';

import type { Clock } from '../net/clock.ts';
import { createDial } from '../net/dial.ts';
import { type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import { createResolver, type ResolveHost } from '../net/resolve-host.ts';
import { startTls } from '../net/start-tls.ts';
import type { NodePolicy } from '../policy/node-policy.ts';
import { createUpstreamGuard, type UpstreamGuard } from '../policy/upstream-guard.ts';
import type { Dial, Relay, SnapshotFeed } from '../proxy/ports.ts';
import { throughTunnel } from '../routing/route.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createTunnelDial } from '../tunnel/dial-tunnel.ts';
import { createForwardFields } from '../tunnel/forward-fields.ts';
import type { TunnelTracker } from './track-tunnels.ts';
import { wireDestinationService } from './wire-destination-service.ts';

export interface Upstreams {
  readonly dial: Dial;
  readonly http: HttpService;
  /** Asks Destination services. */
  readonly ask: AskService;
  /** Lists what they keep. */
  readonly list: ListEntries;
  /** Ends connections to targets, and what waits for a credential. */
  close(): Promise<void>;
  /** The addresses of a target's name, where they are known without asking. */
  readonly known: (host: string) => readonly IpAddress[] | null;
  /** Whether an address may be dialled for an application, as the policy in force says. */
  readonly guard: UpstreamGuard;
  /** The policy whose word on upstream addresses counts from now on. */
  applyPolicy(policy: NodePolicy): void;
}

export interface UpstreamParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly relay: Relay;
  readonly takeSocket: TakeSocket;
  readonly snapshots: Pick<SnapshotFeed, 'current'>;
  /** Sees what comes of the credentials of Destinations. */
  readonly watchCredentials: (source: HttpCredentials) => HttpCredentials;
  /** Sees what comes of the credentials of Tunnels. */
  readonly tunnels: Pick<TunnelTracker, 'watchDial' | 'watchFields' | 'note'>;
  /** Told of each resolution for a target, also where the answer was known already. */
  readonly onResolved: (host: string, addresses: readonly IpAddress[]) => void;
}

/** Everything that connects outwards: every address that is not an administrator's own is guarded at connect. */
export function wireUpstreams(config: Config, parts: UpstreamParts): Upstreams {
  const { clock, metrics, relay, takeSocket, snapshots, watchCredentials, tunnels, onResolved } = parts;
  let current: UpstreamGuard = refuseAll;
  let guardedBy = '';
  const guard: UpstreamGuard = (address, port) => current(address, port);
  const resolve = createResolver({
    clock,
    ...(config.dnsServers.length > 0 ? { servers: config.dnsServers } : {}),
  });
  const resolveTarget: ResolveHost = async (host, signal) => {
    const addresses = await resolve(host, signal);
    onResolved(host, addresses);
    return addresses;
  };
  const dialDirect = createDial({ resolve: resolveTarget, guard });
  const dialEndpoint = createDial({ resolve, guard: () => null });

  const connect: Connect = (host, port, via, signal) =>
    via === null
      ? dialDirect({ host, port, timeoutMs: TOKEN_CONNECT_MS }, signal)
      : dialTunnel(
          { host, port, via: throughTunnel(via.tunnel, via.locationId), connectTimeoutMs: via.tunnel.connectTimeoutMs },
          signal,
        );
  const fieldsForToken: ForwardFields = async ({ tunnel, locationId }, options, signal) => {
    const via = throughTunnel(tunnel, locationId);
    return via.kind === 'httpForward' ? forwardFields(via, options, signal) : [];
  };
  const credentials = createCredentialSource({
    clock,
    verify: createVerifier({ connect, clock }),
    fetchToken: createTokenClient({
      clock,
      connect,
      forwardFields: fieldsForToken,
      noteTunnel: tunnels.note,
      onRequest: (outcome) => metrics.tokenRequests.inc({ outcome }),
    }),
  });
  const service = wireDestinationService({ clock, metrics, dialEndpoint, own: credentials, snapshots });
  const dialTunnel = tunnels.watchDial(createTunnelDial({ dialEndpoint, startTls, tokenFor: credentials.tokenFor }));
  const forwardFields = tunnels.watchFields(createForwardFields(credentials.tokenFor));
  const dial: Dial = (upstream, signal) =>
    upstream.via.kind === 'direct'
      ? dialDirect({ host: upstream.host, port: upstream.port, timeoutMs: upstream.connectTimeoutMs }, signal)
      : dialTunnel(upstream, signal);

  const http = createHttpService({
    dial,
    relay,
    takeSocket,
    clock,
    credentials: watchCredentials(service.credentials),
    forwardFields,
    noteTunnel: tunnels.note,
    followControls: service.followControls,
  });

  return {
    dial,
    known(host) {
      const addresses = resolve.known(host);
      if (addresses !== null) onResolved(host, addresses);
      return addresses;
    },
    guard,
    http,
    ask: service.ask,
    list: service.list,
    async close() {
      service.close();
      await http.close();
    },
    applyPolicy(policy) {
      const rules = JSON.stringify([policy.upstreamAllow, policy.upstreamDeny]);
      // A connection that is kept warm was dialled under the rules of its time.
      if (rules !== guardedBy) http.renew();
      guardedBy = rules;
      current = createUpstreamGuard({
        policy,
        facts: {
          nodeAddresses: [...localAddresses(), ...apiServerAddress(config)],
          nodeRanges: config.nodeRanges,
          podRanges: config.podRanges,
          serviceRanges: config.serviceRanges,
          syntheticRanges: present(config.syntheticRanges.v4, config.syntheticRanges.v6),
          leatAddresses: present(config.leatAddresses.v4, config.leatAddresses.v6),
        },
      });
    },
  };
}

const TOKEN_CONNECT_MS = 5_000;

/** Until a policy is known. */
function refuseAll(): LeatError {
  return new LeatError('NOT_READY', 'no NodePolicy is known yet');
}

function present(...values: (string | null)[]): string[] {
  return values.filter((value) => value !== null);
}

/** Empty where it is known by a name, or by nobody. */
function apiServerAddress({ source }: Config): IpAddress[] {
  if (source.type !== 'kubernetes') return [];
  const { hostname } = new URL(source.server);
  const address = parseIpAddress(hostname.replace(/^\[|\]$/g, ''));
  return address === null ? [] : [address];
}

function localAddresses(): IpAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .map(({ address }) => parseIpAddress(address))
    .filter((address) => address !== null);
}
