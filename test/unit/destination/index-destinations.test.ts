// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import type { Destination } from '../../../daemon/destination/destination.ts';
import { patternCovers } from '../../../daemon/destination/host-pattern.ts';
import { indexDestinations } from '../../../daemon/destination/index-destinations.ts';
import type { Workload } from '../../../daemon/workload/workload.ts';

const noneLeftOut = (): never => {
  throw new Error('no Destination is left out here');
};

const workload: Workload = {
  uid: 'u',
  namespace: 'shop',
  name: 'web',
  serviceAccount: 'web',
  labels: {},
  addresses: [],
  enrolled: true,
};

interface Sketch {
  readonly namespace: 'shop' | 'crm' | null;
  readonly hosts: readonly string[];
  readonly overridable: boolean;
  readonly createdAtMs: number;
  readonly accounts: readonly string[] | null;
}

function draw({ accounts, ...sketch }: Sketch, index: number): Destination {
  return {
    ...sketch,
    overridable: sketch.namespace !== null || sketch.overridable,
    id: `d${index}`,
    admitsNamespace: (asking: string) => sketch.namespace === null || asking === sketch.namespace,
    workloads: { matchesLabels: null, serviceAccounts: accounts === null ? null : new Set(accounts) },
  } as unknown as Destination;
}

/** The order of DESIGN §3, by looking at every Destination. */
function scan(destinations: readonly Destination[], host: string, isDenied: (host: string) => boolean): string[] {
  const usable = destinations.flatMap((destination) => {
    const { namespace, hosts, workloads } = destination;
    if (namespace !== null && namespace !== workload.namespace) return [];
    if (workloads.serviceAccounts?.has(workload.serviceAccount) === false) return [];
    const pattern = hosts
      .filter((text) => patternCovers(text, host) && (text === host || !isDenied(host)))
      .sort((a, b) => b.length - a.length)
      .sort((a, b) => Number(b === host) - Number(a === host))[0];
    return pattern === undefined ? [] : [{ destination, pattern }];
  });
  const isLocked = usable.some(({ destination }) => !destination.overridable);
  const left = usable.filter(({ destination }) => !isLocked || destination.namespace === null);
  const keys = ({ destination, pattern }: (typeof left)[number]): (number | string)[] => [
    pattern === host ? 0 : 1,
    -pattern.length,
    destination.namespace === null ? 1 : 0,
    destination.workloads.serviceAccounts === null ? 1 : 0,
    destination.createdAtMs,
    destination.id,
  ];
  return left
    .map((one) => ({ keys: keys(one), id: one.destination.id }))
    .sort((a, b) => {
      const at = a.keys.findIndex((key, index) => key !== b.keys[index]);
      return at < 0 ? 0 : (a.keys[at] ?? 0) < (b.keys[at] ?? 0) ? -1 : 1;
    })
    .map(({ id }) => id);
}

const label = fc.constantFrom('a', 'b');
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const pattern = fc.oneof(
  name,
  name.map((suffix) => `*.${suffix}`),
);
const sketch: fc.Arbitrary<Sketch> = fc.record({
  namespace: fc.constantFrom('shop', 'crm', null),
  hosts: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
  overridable: fc.boolean(),
  createdAtMs: fc.nat(2),
  accounts: fc.constantFrom(null, ['web'], ['other']),
});

test('orders the Destinations of a host as a scan of all of them does', (t) => {
  fc.assert(
    fc.property(fc.array(sketch, { maxLength: 12 }), name, fc.boolean(), (sketches, host, denied) => {
      const destinations = sketches.map(draw);
      const { match } = indexDestinations(destinations, () => ({ allowed: !denied }), noneLeftOut);
      t.deepEqual(
        match(workload, host).map(({ destination }) => destination.id),
        scan(destinations, host, () => denied),
      );
    }),
    { numRuns: 2000 },
  );
});

test('tells the pattern that matched, the most exact of a Destination', (t) => {
  const one = draw({ namespace: 'shop', hosts: ['*.b', 'a.b'], overridable: true, createdAtMs: 0, accounts: null }, 0);
  const { match } = indexDestinations([one], () => ({ allowed: true }), noneLeftOut);
  t.deepEqual(
    ['a.b', 'A.B.', 'x.b', 'b'].map((host) => match(workload, host)[0]?.pattern),
    ['a.b', 'a.b', '*.b', undefined],
  );
});
