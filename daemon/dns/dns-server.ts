// SPDX-License-Identifier: Apache-2.0
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeatError } from '../errors/leat-error.ts';
import { UdpSockets } from '../native/udp-sockets.ts';
import type { Endpoint } from '../net/endpoint.ts';
import { UdpAsker } from './ask-over-udp.ts';
import type { OriginalServer } from './find-server.ts';
import type { NameView, QueryContext } from './handle-query.ts';
import { type Heartbeat, keepAlive } from './keep-alive.ts';
import { DEFAULT_LIMITS, type DnsLimits } from './limits.ts';
import type { OnOutcome } from './outcome.ts';
import { serveTcp } from './serve-tcp.ts';
import { type ServeOptions, serveUdp } from './serve-udp.ts';
import { Places } from './share-places.ts';
import { ReadingWatch } from './watch-reading.ts';

export interface DnsServerOptions extends NameView {
  /** Leat's own addresses, each served over UDP and TCP. Port 0: the kernel chooses one, the same for both. */
  readonly listen: readonly Endpoint[];
  readonly originalServer: OriginalServer;
  /** Answered to anybody on the node itself. Default `alive.leat.invalid` (RFC 6761 §6.4: nobody else's name). */
  readonly selfQueryName?: string;
  readonly heartbeat: Heartbeat;
  readonly onOutcome: OnOutcome;
  readonly limits?: Partial<DnsLimits>;
}

export interface DnsServer {
  /** What is served, in the order of `listen`. */
  readonly addresses: readonly Endpoint[];
  /**
   * Ends the heartbeat, takes its entry away, gives servers that were asked a moment to answer, closes everything. Never
   * rejects because of a client or a server; it does where `heartbeat.end` does, and everything is closed even then.
   */
  stop(): Promise<void>;
}

const DRAIN_POLL_MS = 20;

/**
 * Serves the captured DNS queries of the node's pods.
 * @throws the system's error where an address can't be bound; nothing is left open then
 */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const stopped = new AbortController();
  // One listener for each query in flight: their number is bounded by `places`.
  setMaxListeners(0, stopped.signal);
  const places = new Places(limits.inFlight, limits.inFlightPerSource);
  const context: QueryContext = { view: options, limits, places, onOutcome: options.onOutcome, signal: stopped.signal };
  const selfQueryName = options.selfQueryName ?? 'alive.leat.invalid';
  const own = new Set(options.listen.map(({ address }) => address));
  const watch = new ReadingWatch(options.originalServer, () => performance.now());
  const sockets = new UdpSockets();
  const asker = new UdpAsker(sockets);
  const serve: ServeOptions = { originalServer: watch.read, own, selfQueryName, sockets, asker };
  const servers: { stop(): void | Promise<void> }[] = [];
  const addresses: Endpoint[] = [];
  const close = async (): Promise<void> => {
    const reason = new LeatError('DRAINED', 'the DNS server stops');
    stopped.abort(reason);
    asker.stop(reason);
    await Promise.all(servers.map((server) => server.stop()));
    sockets.close();
  };
  try {
    for (const listen of options.listen) {
      const udp = serveUdp(listen, serve, context);
      servers.push(udp);
      addresses.push(udp.local);
      servers.push(await serveTcp(udp.local, serve, context));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const endBeats = keepAlive({
    addresses,
    name: selfQueryName,
    asker: new UdpAsker(sockets),
    heartbeat: options.heartbeat,
    assertWorks: () => watch.assertWorks(),
    onOutcome: options.onOutcome,
  });
  const stop = async (): Promise<void> => {
    await endBeats();
    try {
      await options.heartbeat.end?.();
      const untilMs = performance.now() + limits.drainMs;
      while (places.taken > 0 && performance.now() < untilMs) await sleep(DRAIN_POLL_MS);
    } finally {
      await close();
    }
  };
  let stopping: Promise<void> | undefined;
  return {
    addresses,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
