// SPDX-License-Identifier: Apache-2.0
/** Hosts that come from a Destination service stay claimed while what claims them stands, whatever becomes of the entry. */
import test from 'ava';
import type { Destination } from '../../../api/kinds/destination.ts';
import type { ResourceSet } from '../../../api/resource-set.ts';
import type { ServiceLookup } from '../../../daemon/destination/destination.ts';
import { lookUpImported } from '../../../daemon/destination/look-up-import.ts';
import type { FetchedEntry, FetchedImport } from '../../../daemon/destination/service-entry.ts';
import { mapOrRefuse } from '../../../daemon/destination-service/map-destination.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { CompileMemory } from '../../../daemon/routing/compile-memory.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { destinationSource, namespace, pod, resourceSet, secret } from '../../support/resources.ts';

const BINDING = { uri: 'https://d.sap', url: 'https://x.sap', clientid: 'id', clientsecret: 'hunter2' };
const IMPORTED = 'DestinationSource btp/subaccount/crm';
const SOURCE = destinationSource('btp', {
  default: true,
  allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['*'], levels: ['subaccount', 'instance'] }],
  import: [{ level: 'subaccount', names: ['crm*'] }],
});
const ERP: Destination = {
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'Destination',
  metadata: { name: 'erp', namespace: 'shop' },
  spec: { from: { name: 'erp' }, workloads: { all: true } },
};

const WORKS = { Type: 'HTTP', URL: 'https://crm.example:8443', Authentication: 'NoAuthentication' };
/** Where it is can be read, but not what is to be sent there. */
const NO_PASSWORD = { ...WORKS, Authentication: 'BasicAuthentication', User: 'u' };
const NO_URL = { ...WORKS, URL: 'ftp://crm.example' };
const NO_TYPE = { ...WORKS, Type: 'RFC' };

type Properties = Readonly<Record<string, string>>;

/** One daemon that compiles again and again. */
function startCompiling() {
  const memory = new CompileMemory();
  const all = {
    namespaces: [namespace('shop')],
    pods: [pod('shop/a', ['10.0.0.1'], { nodeName: 'n' })],
    secrets: [secret('leat-system/binding', BINDING)],
    destinationSources: [SOURCE],
  };
  const read = (properties: Properties, lookup: ServiceLookup): FetchedEntry =>
    mapOrRefuse({ configuration: { ...properties }, tokens: [], certificates: [] }, lookup);

  return (entries: Readonly<Record<string, Properties>> | LeatError | null, change: Partial<ResourceSet> = {}) => {
    const of = (lookup: ServiceLookup): FetchedEntry | null => {
      if (entries === null || entries instanceof LeatError) return entries === null ? null : { problem: entries };
      const properties = entries[lookup.name];
      if (properties === undefined) return { problem: new LeatError('DESTINATION_ENTRY_NOT_FOUND', 'no such entry') };
      return read(properties, lookup);
    };
    const snapshot = compileSnapshot(
      resourceSet({ ...all, ...change }),
      { name: 'n', labels: {} },
      of,
      memory,
      (asked): FetchedImport | null => {
        if (entries === null || entries instanceof LeatError) return entries === null ? null : { problem: entries };
        const listed = Object.entries(entries).map(([name, properties]) => ({
          name,
          fetched: read(properties, lookUpImported(asked, name)),
        }));
        return { entries: listed, isCut: false, isStale: false };
      },
    );
    const [workload] = [...snapshot.workloads.all()];
    if (workload === undefined) throw new Error('the pod is not there');
    const match = (host: string) => {
      const [found] = snapshot.destinations.match(workload, host);
      if (found === undefined) return null;
      const { id, resolved, ports } = found.destination;
      return { id, ports: ports.map(({ port }) => port), problem: resolved.ready ? null : resolved.problem };
    };
    return { match, report: snapshot.importReports?.[0] };
  };
}

for (const [what, properties, code] of [
  ['lacks its password', NO_PASSWORD, 'DESTINATION_ENTRY_INVALID'],
  ['has no URL any more', NO_URL, 'DESTINATION_URL_INVALID'],
  ['became one of another type', NO_TYPE, 'DESTINATION_ENTRY_UNSUPPORTED'],
] as const) {
  test(`an imported entry that ${what} keeps its host: what goes there is refused, with the reason`, (t) => {
    const compile = startCompiling();
    t.like(compile({ crm: WORKS }).match('crm.example'), { id: IMPORTED, ports: [80], problem: null });
    const { match, report } = compile({ crm: properties });
    t.like(match('crm.example'), { id: IMPORTED, ports: [80], problem: { code } });
    t.like(report, { selected: 1, used: 0, unused: [{ count: 1, sample: ['crm'] }] });
    t.like(compile({ crm: properties }).match('crm.example'), { id: IMPORTED }, 'however long that lasts');
    t.like(compile({ crm: WORKS }).match('crm.example'), { id: IMPORTED, problem: null });
  });

  test(`so does that of a Destination that names it, and no hosts: ${what}`, (t) => {
    const compile = startCompiling();
    const erp = { destinations: [ERP] };
    t.like(compile({ erp: WORKS }, erp).match('crm.example'), { id: 'Destination shop/erp', problem: null });
    for (let again = 0; again < 2; again += 1) {
      const held = compile({ erp: properties }, erp).match('crm.example');
      t.like(held, { id: 'Destination shop/erp', ports: [80], problem: { code } });
    }
  });
}

test('an entry that never could be used holds the host that it names', (t) => {
  t.like(startCompiling()({ crm: NO_PASSWORD }).match('crm.example'), { id: IMPORTED });
  t.is(startCompiling()({ crm: NO_URL }).match('crm.example'), null, 'where it names one');
});

test('an entry of two for a host that breaks does not leave the host to the other, which may have no credential', (t) => {
  const compile = startCompiling();
  compile({ crm: WORKS, 'crm-open': WORKS });
  const { match, report } = compile({ crm: NO_PASSWORD, 'crm-open': WORKS });
  t.like(match('crm.example'), { id: IMPORTED, problem: { code: 'DESTINATION_ENTRY_INVALID' } });
  t.deepEqual(
    report?.unused.map(({ reason }) => reason),
    ['DestinationEntryInvalid', 'HostTaken'],
  );
});

for (const [what, entries, change, code] of [
  ['the list can not be had with another binding', null, {}, 'DESTINATION_ENTRY_PENDING'],
  [
    'the service says what is no list',
    new LeatError('DESTINATION_ENTRY_INVALID', 'no list'),
    {},
    'DESTINATION_ENTRY_INVALID',
  ],
  ['the binding is gone', { crm: WORKS }, { secrets: [] }, 'DESTINATION_NOT_READY'],
  [
    'the newest version of the source is not valid',
    { crm: WORKS },
    { refused: [{ resource: 'DestinationSource btp', reason: 'spec.tunnel: is not allowed' }] },
    'DESTINATION_NOT_READY',
  ],
] as const) {
  test(`hosts of all entries are held where ${what}`, (t) => {
    const compile = startCompiling();
    compile({ crm: WORKS, erp: WORKS }, { destinations: [ERP] });
    for (let again = 0; again < 2; again += 1) {
      const held = compile(entries, change as Partial<ResourceSet>).match('crm.example');
      t.like(held, { id: IMPORTED, problem: { code } });
      t.false(held?.problem?.message.includes('binding'), 'the Secrets of a source are its administrator’s');
    }
    t.like(compile({ crm: WORKS }).match('crm.example'), { id: IMPORTED, problem: null });
  });
}

test('a host is let go with what claims it: the entry, its import, the source, the Destination', (t) => {
  for (const [entries, change] of [
    [{}, {}],
    [{ crm: WORKS }, { destinationSources: [{ ...SOURCE, spec: { ...SOURCE.spec, import: [] } }] }],
    [{ crm: WORKS }, { destinationSources: [] }],
  ] as const) {
    const compile = startCompiling();
    compile({ crm: WORKS });
    t.is(compile(entries, change as Partial<ResourceSet>).match('crm.example'), null);
  }
  const compile = startCompiling();
  const none = { destinationSources: [{ ...SOURCE, spec: { ...SOURCE.spec, import: [] } }] };
  compile({ erp: WORKS }, { ...none, destinations: [ERP] });
  t.like(compile({}, { ...none, destinations: [ERP] }).match('crm.example'), { id: 'Destination shop/erp' });
  t.is(compile({}, none).match('crm.example'), null);
});

test('an entry that moves takes its new host and leaves the old one', (t) => {
  const compile = startCompiling();
  compile({ crm: WORKS });
  const { match } = compile({ crm: { ...WORKS, URL: 'https://moved.example' } });
  t.is(match('crm.example'), null);
  t.like(match('moved.example'), { id: IMPORTED, problem: null });
});
