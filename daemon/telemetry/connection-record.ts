// SPDX-License-Identifier: Apache-2.0
/**
 * Exactly one record per connection and per HTTP request: begun at accept, ended once, also for every refusal. A record is
 * one access-log line and the metrics of what it tells; there is no other place that counts connections.
 */
import { randomFillSync } from 'node:crypto';
import type { Clock } from '../net/clock.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import type { ConnectionRecord, OpenRecord, RecordFacts, RelayResult, StartRecord } from '../proxy/ports.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface RecorderOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** NodePolicy's word on what leaves a log line; metrics are counted in any case. */
  readonly accessLogFor: (namespace: string | null) => 'All' | 'Refused' | 'None';
}

export function createRecorder({ log, metrics, clock, accessLogFor }: RecorderOptions): StartRecord {
  return function startRecord(peer: Endpoint): ConnectionRecord {
    const id = takeId();
    metrics.openConnections.inc();
    const connection = open('connection', id, { id, source: formatEndpoint(peer) }, (facts, result, seconds) => {
      const route = text(facts.route) ?? 'none';
      const destination = metrics.destinationLabel(text(facts.destination));
      metrics.openConnections.dec();
      metrics.connections.inc({ route, destination, flag: flagOf(result) });
      metrics.connectionSeconds.observe({ route }, seconds);
      metrics.bytes.inc({ route, direction: 'sent' }, result.sentBytes);
      metrics.bytes.inc({ route, direction: 'received' }, result.receivedBytes);
    });
    return {
      ...connection,
      startRequest({ method, path }) {
        const { namespace = null, pod = null, host = null } = connection.facts();
        const known = { connection: id, namespace, pod, host, method, path };
        return open('request', takeId(), known, (facts, result, seconds) => {
          const status = statusClass(facts.status);
          metrics.requests.inc({
            destination: metrics.destinationLabel(text(facts.destination)),
            status,
            flag: flagOf(result),
          });
          metrics.requestSeconds.observe({ status }, seconds);
        });
      },
    };
  };

  function open(
    kind: 'connection' | 'request',
    id: string,
    known: RecordFacts,
    count: (facts: RecordFacts, result: RelayResult, seconds: number) => void,
  ): OpenRecord & { facts(): RecordFacts } {
    const facts: Record<string, string | number | boolean | null> = { ...known };
    const startedMs = clock.monotonicMs();
    let ended = false;
    return {
      id,
      facts: () => facts,
      add(more) {
        Object.assign(facts, more);
      },
      end(result) {
        if (ended) throw new Error(`BUG: the record of ${kind} ${id} was ended twice`);
        ended = true;
        const durationMs = clock.monotonicMs() - startedMs;
        count(facts, result, durationMs / 1000);
        const wanted = accessLogFor(text(facts.namespace));
        if (wanted === 'None' || (wanted === 'Refused' && result.error === null)) return;
        const { sentBytes, receivedBytes, error } = result;
        log.info(
          {
            record: kind,
            ...facts,
            durationMs: Math.round(durationMs * 10) / 10,
            sentBytes,
            receivedBytes,
            flag: flagOf(result),
            code: error?.code,
            reason: error?.message,
          },
          kind,
        );
      },
    };
  }
}

const ID_BYTES = 8;
/** One call for many ids. */
const pool = Buffer.alloc(ID_BYTES * 512);
let poolOffset = pool.length;

function takeId(): string {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  poolOffset += ID_BYTES;
  return pool.toString('hex', poolOffset - ID_BYTES, poolOffset);
}

function flagOf({ error }: RelayResult): string {
  return error?.flag ?? 'OK';
}

function text(fact: unknown): string | null {
  return typeof fact === 'string' ? fact : null;
}

/** `2xx` to `5xx`; `none` where there was no answer. */
function statusClass(status: unknown): string {
  return typeof status === 'number' && status >= 100 ? `${Math.trunc(status / 100)}xx` : 'none';
}
