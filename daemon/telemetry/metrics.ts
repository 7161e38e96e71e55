// SPDX-License-Identifier: Apache-2.0
/** Every metric of the daemon, in one place; docs/metrics.md describes each, and `scripts/check` holds the two together. */
import { Counter, Gauge, Registry } from 'prom-client';
import { DurationHistogram } from './duration-histogram.ts';
import { Tally } from './tally.ts';

/** Seconds: from a local answer to a slow report. */
const DURATION_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];

/** Destinations that get a label value of their own; all later ones share `other`, so that series stay bounded. */
const LABELLED_DESTINATIONS = 1000;

/** All metrics, at zero, in a registry of their own, so that tests may have several. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const destinations = new Set<string>();
  const openConnections = { count: 0 };
  /** By route, destination and flag. */
  const endedConnections = new Tally(() => ({ count: 0, sentBytes: 0, receivedBytes: 0 }));
  new Counter({
    name: 'leat_connections_total',
    help: 'Connections that ended, refused ones included.',
    labelNames: ['route', 'destination', 'flag'],
    registers,
    collect() {
      this.reset();
      endedConnections.each(({ count }, route, destination, flag) => this.inc({ route, destination, flag }, count));
    },
  });
  new Counter({
    name: 'leat_bytes_total',
    help: 'Payload bytes moved: sent to the target, received from it.',
    labelNames: ['route', 'direction'],
    registers,
    collect() {
      this.reset();
      endedConnections.each(({ sentBytes, receivedBytes }, route) => {
        this.inc({ route, direction: 'sent' }, sentBytes);
        this.inc({ route, direction: 'received' }, receivedBytes);
      });
    },
  });
  /** By destination, status class and flag. */
  const endedRequests = new Tally(() => ({ count: 0 }));
  new Counter({
    name: 'leat_http_requests_total',
    help: 'HTTP requests that ended, by status class of the answer.',
    labelNames: ['destination', 'status', 'flag'],
    registers,
    collect() {
      this.reset();
      endedRequests.each(({ count }, destination, status, flag) => this.inc({ destination, status, flag }, count));
    },
  });
  new Gauge({
    name: 'leat_connections_open',
    help: 'Connections now open.',
    registers,
    collect() {
      this.set(openConnections.count);
    },
  });
  return {
    registry,
    openConnections,
    endedConnections,
    endedRequests,
    /** The label value of a Destination, bounded. */
    destinationLabel(id: string | null): string {
      if (id === null) return 'none';
      if (!destinations.has(id)) {
        if (destinations.size >= LABELLED_DESTINATIONS) return 'other';
        destinations.add(id);
      }
      return id;
    },
    connectionSeconds: new DurationHistogram(registry, {
      name: 'leat_connection_duration_seconds',
      help: 'Life of a connection, from accept to its end.',
      labelName: 'route',
      bounds: DURATION_BUCKETS,
    }),
    requestSeconds: new DurationHistogram(registry, {
      name: 'leat_http_request_duration_seconds',
      help: 'Time of an HTTP request, from its head to the end of its answer.',
      labelName: 'status',
      bounds: DURATION_BUCKETS,
    }),
    dnsQueries: new Counter({
      name: 'leat_dns_queries_total',
      help: 'DNS queries by what became of them.',
      labelNames: ['outcome'],
      registers,
    }),
    tokenRequests: new Counter({
      name: 'leat_token_requests_total',
      help: 'Requests to token endpoints by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    syntheticNames: new Gauge({
      name: 'leat_synthetic_names',
      help: 'Host names that hold a synthetic address.',
      registers,
    }),
    knownAddresses: new Gauge({
      name: 'leat_known_addresses',
      help: 'Pairs of resolved address and declared port that are captured.',
      registers,
    }),
    knownAddressesEvicted: new Counter({
      name: 'leat_known_addresses_evicted_total',
      help: 'Resolved addresses of hosts that had to make room for others.',
      registers,
    }),
    destinations: new Gauge({
      name: 'leat_destinations',
      help: 'Destinations known, by whether they are ready.',
      labelNames: ['ready'],
      registers,
    }),
    workloads: new Gauge({
      name: 'leat_workloads',
      help: 'Pods of this node, by whether they are enrolled.',
      labelNames: ['enrolled'],
      registers,
    }),
    resourceProblems: new Gauge({
      name: 'leat_resource_problems',
      help: 'Resources with a problem, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    selfTest: new Gauge({
      name: 'leat_self_test_ok',
      help: '1 while the last self-test proved that connections are captured, 0 otherwise.',
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
