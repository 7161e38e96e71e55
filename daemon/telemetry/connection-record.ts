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

/** Begins one record for each connection; it is written when it ends. */
export function createRecorder(options: RecorderOptions): StartRecord {
  return (peer) => new OpenConnection(options, peer);
}

abstract class Open implements OpenRecord {
  readonly kind: 'connection' | 'request';
  protected readonly options: RecorderOptions;
  readonly #startedMs: number;
  #id: string | null = null;
  #ended = false;

  constructor(kind: 'connection' | 'request', options: RecorderOptions) {
    this.kind = kind;
    this.options = options;
    this.#startedMs = options.clock.monotonicMs();
  }

  get id(): string {
    this.#id ??= takeId();
    return this.#id;
  }

  abstract add(facts: RecordFacts): void;

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
        ...written(this.facts()),
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

  /** All that was told, the last word of each. */
  protected abstract facts(): Facts;

  /** What was told last. */
  protected abstract fact(name: string): unknown;

  protected text(name: string): string | null {
    const fact = this.fact(name);
    return typeof fact === 'string' ? fact : null;
  }
}

/** One object takes what the stages tell: a connection may be open for long, and a small object each would outweigh it. */
class OpenConnection extends Open implements ConnectionRecord {
  readonly #facts: Facts;
  #client: RecordFacts | null = null;

  constructor(options: RecorderOptions, source: Endpoint) {
    super('connection', options);
    this.#facts = { ...NOTHING, source };
    options.metrics.openConnections.count += 1;
  }

  override add(facts: RecordFacts): void {
    for (const name in facts) this.#facts[name] = facts[name];
  }

  /** Who asks is the same for all requests: no stage tells it anew behind the first. */
  startRequest(request: Parameters<StartRequest>[0]): OpenRecord {
    this.#client ??= {
      connection: this.id,
      namespace: this.text('namespace'),
      pod: this.text('pod'),
      host: this.text('host'),
    };
    return new OpenRequest(this.options, this.#client, request);
  }

  protected override facts(): Facts {
    return this.#facts;
  }

  protected override fact(name: string): unknown {
    return this.#facts[name];
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
    metrics.connectionSeconds.observe(route, seconds);
    metrics.openConnections.count -= 1;
  }
}

/** What is told of a request is kept as it came, and put together only where a line is written: there are many, for a moment each. */
class OpenRequest extends Open {
  readonly #told: RecordFacts[];

  constructor(options: RecorderOptions, client: RecordFacts, request: RecordFacts) {
    super('request', options);
    this.#told = [client, request];
  }

  override add(facts: RecordFacts): void {
    this.#told.push(facts);
  }

  protected override facts(): Facts {
    return Object.assign({ ...NOTHING }, ...this.#told);
  }

  protected override fact(name: string): unknown {
    for (let i = this.#told.length - 1; i >= 0; i--) {
      const fact = this.#told[i]?.[name];
      if (fact !== undefined) return fact;
    }
    return undefined;
  }

  protected override count(result: RelayResult, seconds: number): void {
    const { metrics } = this.options;
    const status = statusClass(this.fact('status'));
    const destination = metrics.destinationLabel(this.text('destination'));
    metrics.endedRequests.at(destination, status, flagOf(result)).count += 1;
    metrics.requestSeconds.observe(status, seconds);
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

const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** `1xx` to `5xx`; `none` where there was no answer. */
function statusClass(status: unknown): string {
  return (typeof status === 'number' && STATUS_CLASSES[Math.trunc(status / 100)]) || 'none';
}
