// SPDX-License-Identifier: Apache-2.0
/**
 * How long a decision takes among 10,000 Destinations: compiled as a node would, decided for exact hosts, wildcard members
 * and names nobody manages.
 */
import { API_VERSION } from '../../../api/group.ts';
import type { Destination } from '../../../api/kinds/destination.ts';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import type { BedOptions } from '../bed.ts';
import { type Findings, median, round } from '../report.ts';

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

const QUESTIONS: Readonly<Record<string, readonly [host: string, port: number]>> = {
  'exact host, http': ['api.dN.corp.internal', 80],
  'exact host, tcp': ['api.dN.corp.internal', 5432],
  'wildcard, tcp': ['x.dN.corp.internal', 5432],
  'port not declared': ['api.dN.corp.internal', 22],
  'not managed': ['unknown.example', 80],
};

/** Microseconds of CPU time that a decision takes, garbage collection included, by question. */
function measure(count: number): Record<string, number> {
  const snapshot = compileSnapshot(createSet(count), { name: 'node-1', labels: {} });
  const [workload] = snapshot.workloads.at('10.0.0.5');
  if (workload === undefined) throw new Error('the pod of the benchmark is missing');
  const decideOften = (host: string, port: number, rounds: number): number => {
    const facts = Array.from({ length: 64 }, (_, index) => ({
      workload,
      host: host.replace('N', String((index * NAMESPACES) % count)),
      originalDestination: { address: '240.240.0.7', port },
    }));
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round += 1) decide(snapshot, facts[round % facts.length] ?? facts[0]!);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / rounds;
  };
  return Object.fromEntries(
    Object.entries(QUESTIONS).map(([name, [host, port]]) => {
      decideOften(host, port, ROUNDS / 5);
      return [name, decideOften(host, port, ROUNDS)];
    }),
  );
}

/** Microseconds of a decision among few and among many Destinations; the figure is that of an exact host among many. */
export function decideBed({ repeat }: Pick<BedOptions, 'repeat'>): Findings {
  const turns = Array.from({ length: repeat }, () => ({ few: measure(10), many: measure(10_000) }));
  const rows = Object.keys(QUESTIONS).map((name) => ({
    name,
    cells: {
      'us, 10 Destinations': turns.map(({ few }) => few[name] ?? Number.NaN),
      'us, 10,000 Destinations': turns.map(({ many }) => many[name] ?? Number.NaN),
    },
  }));
  return { rows, figures: { microseconds: round(median(rows[1]?.cells['us, 10,000 Destinations'] ?? [])) } };
}
