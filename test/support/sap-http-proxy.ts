// SPDX-License-Identifier: Apache-2.0
import type { JsonWebKey } from 'node:crypto';
import type { Place } from './place.ts';
import type { Locations } from './sap-socks5-server.ts';
import {
  eventsOf,
  type ListenOptions,
  type ListensAt,
  listenAt,
  type StartedServer,
  startNodeServer,
} from './server.ts';

export interface SapHttpProxyOptions extends ListenOptions {
  /** The key that signs the tokens of its clients (RS256). */
  readonly publicJwk: JsonWebKey;
  /** The one OAuth client whose tokens it accepts, as `oauth.allowedClientId` of SAP's. Absent: it trusts who reaches it. */
  readonly allowedClientId?: string;
  /** The key that signs the tokens of users. */
  readonly userJwk?: JsonWebKey;
  /** The OAuth client that is the technical user. */
  readonly technicalClientId?: string;
  /** Multi-region mode: the region ids that it has. */
  readonly regions?: readonly string[];
  readonly locations: Locations;
}

/** What the child process reads. */
export type SapHttpProxyConfiguration = SapHttpProxyOptions & ListensAt;

export interface SapHttpProxy extends StartedServer {
  /** One entry per request that was passed on: location id, region, asked host and port, user and technical user. */
  forwarded(): Record<string, unknown>[];
  /** One entry per request that it answered itself: status and why. */
  refusals(): Record<string, unknown>[];
}

/**
 * Starts an HTTP proxy as the Connectivity Proxy's port 20003 is one (SAP Help, "Using the Connectivity Proxy" and
 * "Authentication to the On-Premise System"), as a process of its own. It is strict: it refuses what SAP's would refuse.
 * What the Cloud Connector would make of a principal, an X.509 certificate, is the field `X-Mapped-User` to the back end.
 */
export async function startSapHttpProxy(place: Place, options: SapHttpProxyOptions): Promise<SapHttpProxy> {
  const at = await listenAt(place, options, 20003);
  const configuration: SapHttpProxyConfiguration = { ...options, ...at };
  const server = await startNodeServer(place, 'sap-http-proxy', configuration);
  return {
    ...server,
    forwarded: () => eventsOf(server, 'forwarded'),
    refusals: () => eventsOf(server, 'refused'),
  };
}
