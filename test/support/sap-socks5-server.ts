// SPDX-License-Identifier: Apache-2.0
import type { JsonWebKey } from 'node:crypto';
import type { Place } from './place.ts';
import {
  eventsOf,
  type ListenOptions,
  type ListensAt,
  listenAt,
  type StartedServer,
  startNodeServer,
} from './server.ts';

export interface SapSocks5Options extends ListenOptions {
  /** The key that signs the tokens it accepts (RS256). */
  readonly publicJwk: JsonWebKey;
  /** The one OAuth client whose tokens it accepts, as `oauth.allowedClientId` of SAP's. */
  readonly allowedClientId: string;
  readonly locations: Locations;
  /** In shared mode, in place of `locations`: those of each subaccount, which the token says (`zid`). */
  readonly subaccounts?: Readonly<Record<string, Locations>>;
}

/** Per location id (`''`: the Cloud Connector without one): virtual `host:port` to the real one behind it. */
export type Locations = Readonly<
  Record<string, Readonly<Record<string, { readonly host: string; readonly port: number }>>>
>;

/** What the child process reads. */
export type SapSocks5Configuration = SapSocks5Options & ListensAt;

export interface SapSocks5Server extends StartedServer {
  /** One entry per connection that got as far as a CONNECT request: subaccount, location id, asked host, port, reply code. */
  connects(): Record<string, unknown>[];
  /** Why it refused, one entry per refusal: `greeting`, `authentication`, `request`. */
  refusals(): Record<string, unknown>[];
}

/**
 * Starts a SOCKS5 server with SAP's method 0x80, as the Connectivity Proxy's port 20004 speaks it, as a process of its own.
 * It is strict: a byte too many at any stage is refused as a byte too few is.
 */
export async function startSapSocks5Server(place: Place, options: SapSocks5Options): Promise<SapSocks5Server> {
  const at = await listenAt(place, options, 20004);
  const configuration: SapSocks5Configuration = { ...options, ...at };
  const server = await startNodeServer(place, 'sap-socks5-server', configuration);
  return {
    ...server,
    connects: () => eventsOf(server, 'connect'),
    refusals: () => eventsOf(server, 'refused'),
  };
}
