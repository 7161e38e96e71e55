// SPDX-License-Identifier: Apache-2.0
/**
 * Exactly one record per connection and per HTTP request: begun at accept, ended once, also for every refusal. A record is
 * one access-log line and the metrics of what it tells; there is no other place that counts connections.
 */
import { randomFillSync } from 'node:crypto';
import type { Clock } from '../net/clock.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import type {
  ConnectionRecord,
  OpenRecord,
  RecordFacts,
  RelayResult,
  StartRecord,
  StartRequest,
} from '../proxy/ports.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface RecorderOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** NodePolicy's word on what leaves a log line; metrics are counted in any case. */
  readonly accessLogFor: (namespace: string | null) => 'All' | 'Refused' | 'None';
}

export function createRecorder(options: RecorderOptions): StartRecord {
  return (peer) => new OpenConnection(options, peer);
}

/** One object takes what the stages tell: a connection may be open for long, and a small object each would outweigh it. */
abstract class Open implements OpenRecord {
  readonly kind: 'connection' | 'request';
  protected readonly options: RecorderOptions;
  readonly #startedMs: number;
  readonly #facts: Facts;
  #id: string | null = null;
  #ended = false;

  constructor(kind: 'connection' | 'request', options: RecorderOptions, known: RecordFacts) {
    this.kind = kind;
    this.options = options;
    this.#facts = { ...NOTHING, ...known };
    this.#startedMs = options.clock.monotonicMs();
  }

  get id(): string {
    this.#id ??= takeId();
    return this.#id;
  }

  add(facts: RecordFacts): void {
    for (const name in facts) this.#facts[name] = facts[name];
  }

  end(result: RelayResult): void {
    if (this.#ended) throw new Error(`BUG: the record of ${this.kind} ${this.id} was ended twice`);
    this.#ended = true;
    const durationMs = this.options.clock.monotonicMs() - this.#startedMs;
    this.count(result, durationMs / 1000);
    const wanted = this.options.accessLogFor(this.text('namespace'));
    if (wanted === 'None' || (wanted === 'Refused' && result.error === null)) return;
    const { sentBytes, receivedBytes, error } = result;
    this.options.log.info(
      {
        record: this.kind,
        id: this.id,
        ...written(this.#facts),
        durationMs: Math.round(durationMs * 10) / 10,
        sentBytes,
        receivedBytes,
        flag: flagOf(result),
        code: error?.code,
        reason: error?.message,
      },
      this.kind,
    );
  }

  protected abstract count(result: RelayResult, seconds: number): void;

  /** What was told last. */
  protected fact(name: string): unknown {
    return this.#facts[name];
  }

  protected text(name: string): string | null {
    const fact = this.fact(name);
    return typeof fact === 'string' ? fact : null;
  }
}

class OpenConnection extends Open implements ConnectionRecord {
  #client: RecordFacts | null = null;

  constructor(options: RecorderOptions, source: Endpoint) {
    super('connection', options, { source });
    options.metrics.openConnections.inc();
  }

  /** Who asks is the same for all requests: no stage tells it anew behind the first. */
  startRequest(request: Parameters<StartRequest>[0]): OpenRecord {
    this.#client ??= {
      connection: this.id,
      namespace: this.text('namespace'),
      pod: this.text('pod'),
      host: this.text('host'),
    };
    const record = new OpenRequest('request', this.options, this.#client);
    record.add(request);
    return record;
  }

  protected override count(result: RelayResult, seconds: number): void {
    const { metrics } = this.options;
    const route = this.text('route') ?? 'none';
    const ended = metrics.endedConnections.at(
      route,
      metrics.destinationLabel(this.text('destination')),
      flagOf(result),
    );
    ended.count += 1;
    ended.sentBytes += result.sentBytes;
    ended.receivedBytes += result.receivedBytes;
    metrics.connectionSeconds.observe({ route }, seconds);
    metrics.openConnections.dec();
  }
}

class OpenRequest extends Open {
  protected override count(result: RelayResult, seconds: number): void {
    const { metrics } = this.options;
    const status = statusClass(this.fact('status'));
    const destination = metrics.destinationLabel(this.text('destination'));
    metrics.endedRequests.at(destination, status, flagOf(result)).count += 1;
    metrics.requestSeconds.observe({ status }, seconds);
  }
}

type Facts = Record<string, RecordFacts[string] | undefined>;

/** What is told of most connections, so that the object need not grow. What stays undefined is not written. */
const NOTHING: Facts = {
  source: undefined,
  originalDestination: undefined,
  namespace: undefined,
  pod: undefined,
  host: undefined,
  rule: undefined,
  route: undefined,
  destination: undefined,
  upstream: undefined,
};

/** As JSON has them. */
function written(facts: Facts): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [
      name,
      typeof fact === 'object' && fact !== null ? formatEndpoint(fact) : fact,
    ]),
  );
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

/** `2xx` to `5xx`; `none` where there was no answer. */
function statusClass(status: unknown): string {
  return typeof status === 'number' && status >= 100 ? `${Math.trunc(status / 100)}xx` : 'none';
}
