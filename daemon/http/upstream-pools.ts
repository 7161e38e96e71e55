// SPDX-License-Identifier: Apache-2.0
import type { Dispatcher } from 'undici';
import type { Authentication } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { Pool } from '../net/undici.ts';
import { undiciConnector } from '../net/undici-connector.ts';
import type { HttpTarget } from '../routing/route.ts';
import type { Workload } from '../workload/workload.ts';
import { connectUpstream } from './connect-upstream.ts';
import type { Dial } from './ports.ts';
import { upstreamKey } from './upstream-key.ts';

/** Below what servers commonly allow (Node and Apache 5 s), so that Leat closes first and no request meets a close. */
const KEEP_ALIVE_MS = 4000;
const KEEP_ALIVE_MAX_MS = 60_000;
const MAX_RESPONSE_HEADER_BYTES = 65_536;
const POOL_IDLE_MS = 60_000;
const REAP_INTERVAL_MS = 10_000;
const MAX_POOLS = 1024;

interface Entry {
  readonly pool: Pool;
  readonly connecting: AbortController;
  running: number;
  lastUsedMs: number;
}

export interface UpstreamPools {
  /** Runs `use` with the dispatcher for the target and the subject (`subjectOf`); its pool lives at least as long. */
  with<T>(
    target: HttpTarget,
    authentication: Authentication,
    workload: Workload,
    subject: string,
    use: (dispatcher: Dispatcher) => Promise<T>,
  ): Promise<T>;
  /** For tests and metrics. */
  readonly size: number;
  /** What is under way ends on its connection; every later request gets a new one, dialled under the rules of now. */
  renew(): void;
  /** Ends all connections, at once. */
  close(): Promise<void>;
}

/**
 * Warm connections, a pool for each set of facts that make them interchangeable. A pool has no bound of its own (see
 * `assertDispatchable`): it never holds more connections than requests run, and those are bounded by the downstream
 * connections.
 */
export function createUpstreamPools({ dial, clock }: { dial: Dial; clock: Clock }): UpstreamPools {
  const entries = new Map<string, Entry>();
  /** Those that serve nothing new, until their last request has ended. */
  const outgoing = new Set<Entry>();
  const reaper = setInterval(reap, REAP_INTERVAL_MS).unref();

  function reap(): void {
    const oldestMs = clock.monotonicMs() - POOL_IDLE_MS;
    for (const [key, entry] of entries) if (entry.running === 0 && entry.lastUsedMs < oldestMs) retire(key, entry);
  }

  function retire(key: string, entry: Entry): void {
    entries.delete(key);
    end(entry);
  }

  function end({ pool, connecting }: Entry): void {
    connecting.abort(new LeatError('DRAINED', 'the connection is no longer wanted'));
    pool.destroy().catch(() => {
      // Connections that could not be ended in order are ended already.
    });
  }

  function open(target: HttpTarget, authentication: Authentication): Entry {
    const connecting = new AbortController();
    const { host, port } = target.upstream;
    const pool = new Pool(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, {
      // The origin is a name only: where a connection leads and whether it has TLS is the connector's matter.
      connect: undiciConnector(
        (_host, _port, signal) => connectUpstream(dial, target, authentication, signal),
        connecting.signal,
      ),
      connections: null,
      pipelining: 1,
      // On by default since undici 8; an upstream that chose h2 would get requests that were framed as HTTP/1.1.
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    });
    return { pool, connecting, running: 0, lastUsedMs: clock.monotonicMs() };
  }

  function makeRoom(): void {
    if (entries.size < MAX_POOLS) return;
    // A Map keeps insertion order and `with` inserts again at each use: the first idle one is the least recently used.
    for (const [key, entry] of entries) {
      if (entry.running === 0) {
        retire(key, entry);
        return;
      }
    }
  }

  return {
    async with(target, authentication, workload, subject, use) {
      const key = upstreamKey(target, authentication, workload, subject);
      let entry = entries.get(key);
      if (entry === undefined) {
        makeRoom();
        entry = open(target, authentication);
      } else {
        entries.delete(key);
      }
      entries.set(key, entry);
      entry.running += 1;
      try {
        return await use(entry.pool);
      } finally {
        entry.running -= 1;
        entry.lastUsedMs = clock.monotonicMs();
        if (entry.running === 0 && outgoing.delete(entry)) end(entry);
      }
    },
    get size() {
      return entries.size;
    },
    renew() {
      for (const [key, entry] of entries) {
        if (entry.running === 0) retire(key, entry);
        else outgoing.add(entry);
      }
      entries.clear();
    },
    async close() {
      clearInterval(reaper);
      for (const entry of outgoing) end(entry);
      outgoing.clear();
      for (const [key, entry] of entries) retire(key, entry);
    },
  };
}
