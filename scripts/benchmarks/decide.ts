// SPDX-License-Identifier: Apache-2.0
/**
 * How long a decision takes among 10,000 Destinations: compiles them as a node would, decides for exact hosts, wildcard
 * members and names nobody manages, and prints microseconds per decision beside those among 10. `node scripts/benchmarks/decide.ts`.
 */
import { API_VERSION } from '../../api/group.ts';
import type { Destination } from '../../api/kinds/destination.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../daemon/routing/decide.ts';

const NAMESPACES = 100;
const ROUNDS = 100_000;

function createDestination(index: number): Destination {
  return {
    apiVersion: API_VERSION,
    kind: 'Destination',
    metadata: {
      name: `d${index}`,
      namespace: `team-${index % NAMESPACES}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      hosts: [`api.d${index}.corp.internal`, `*.d${index}.corp.internal`],
      ports: [
        { port: 80, protocol: 'http', upstream: { tls: {} } },
        { port: 5432, protocol: 'tcp' },
      ],
      route: { type: 'internet' },
      authentication: { type: 'None' },
      workloads: { all: true },
    },
  };
}

function createSet(count: number): ResourceSet {
  return {
    namespaces: [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'team-0', labels: { 'leat.dev/intercept': 'enabled' } },
      },
    ],
    pods: [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web', namespace: 'team-0' },
        status: { podIPs: [{ ip: '10.0.0.5' }] },
      },
    ],
    secrets: [],
    destinations: Array.from({ length: count }, (_, index) => createDestination(index)),
    clusterDestinations: [],
    tunnels: [],
    destinationSources: [],
    nodePolicies: [],
  };
}

function measure(count: number): void {
  const set = createSet(count);
  const startMs = performance.now();
  const snapshot = compileSnapshot(set, { name: 'node-1', labels: {} });
  const compileMs = performance.now() - startMs;
  const [workload] = snapshot.workloads.at('10.0.0.5');
  if (workload === undefined) throw new Error('the pod of the benchmark is missing');

  const perDecision = (suffix: string, port: number): string => {
    const facts = Array.from({ length: 64 }, (_, index) => ({
      workload,
      host: suffix.replace('N', String((index * NAMESPACES) % count)),
      originalDestination: { address: '240.240.0.7', port },
    }));
    const run = (rounds: number): number => {
      const beganMs = performance.now();
      for (let round = 0; round < rounds; round += 1) decide(snapshot, facts[round % facts.length] ?? facts[0]!);
      return performance.now() - beganMs;
    };
    run(ROUNDS / 5);
    return ((run(ROUNDS) * 1000) / ROUNDS).toFixed(2);
  };

  console.log(
    `${count} Destinations: compiled in ${compileMs.toFixed(0)} ms; microseconds per decision: ` +
      `exact/http ${perDecision('api.dN.corp.internal', 80)}, ` +
      `exact/tcp ${perDecision('api.dN.corp.internal', 5432)}, ` +
      `wildcard/tcp ${perDecision('x.dN.corp.internal', 5432)}, ` +
      `port not declared ${perDecision('api.dN.corp.internal', 22)}, ` +
      `not managed ${perDecision('unknown.example', 80)}`,
  );
}

measure(10);
measure(10_000);
