// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ClusterDestination, Destination } from '../../../api/kinds/destination.ts';
import type { DestinationSource, DestinationSourceSpec } from '../../../api/kinds/destination-source.ts';
import type { NodePolicy } from '../../../api/kinds/node-policy.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import type { FetchedEntry, FetchedImport, ServiceEntry } from '../../../daemon/destination/service-entry.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { CompileMemory } from '../../../daemon/routing/compile-memory.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import {
  clusterDestination,
  destination,
  destinationSource,
  namespace,
  nodePolicy,
  pod,
  resourceSet,
  secret,
  tunnel,
} from '../../support/resources.ts';
import { serviceEntry } from '../../support/service-entry.ts';

const NODE = { name: 'n', labels: {} };
const BINDING = { uri: 'https://d.sap', url: 'https://x.sap', clientid: 'id', clientsecret: 'hunter2' };

const source = (spec: Partial<DestinationSourceSpec> = {}) =>
  destinationSource('btp', {
    allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['*'], levels: ['subaccount', 'instance'] }],
    import: [{ level: 'subaccount', names: ['*'] }],
    ...spec,
  });

function entry(host: string, more: Partial<ServiceEntry> = {}): FetchedEntry {
  return { entry: serviceEntry(host, more) };
}

const basic = { type: 'Basic', username: new Secret('u'), password: new Secret('p') } as const;
const clear = (host: string): Partial<ServiceEntry> => ({
  authentication: basic,
  ports: [{ port: 80, protocol: 'http', upstream: { host, port: 80, pathPrefix: '', tls: null } }],
});

interface World {
  readonly entries?: Readonly<Record<string, FetchedEntry>>;
  readonly instance?: Readonly<Record<string, FetchedEntry>>;
  readonly sources?: DestinationSource[];
  readonly destinations?: Destination[];
  readonly clusterDestinations?: ClusterDestination[];
  readonly nodePolicies?: NodePolicy[];
}

function compile({ entries = {}, instance = {}, sources = [source()], ...more }: World) {
  const set = resourceSet({
    namespaces: [namespace('shop'), namespace('other')],
    pods: [pod('shop/a', ['10.0.0.1'], { nodeName: 'n' }), pod('other/a', ['10.0.0.2'], { nodeName: 'n' })],
    secrets: [secret('leat-system/binding', BINDING)],
    destinationSources: sources,
    tunnels: [tunnel('corp', { allow: [{ namespaces: { names: ['shop'] }, hosts: ['*'], ports: [{ port: 443 }] }] })],
    ...more,
  });
  const fetchedAt = (level: string): FetchedImport => ({
    entries: Object.entries(level === 'instance' ? instance : entries).map(([name, fetched]) => ({ name, fetched })),
    isCut: false,
    isStale: false,
  });
  const snapshot = compileSnapshot(set, NODE, undefined, new CompileMemory(), ({ level }) => fetchedAt(level));
  const workloads = [...snapshot.workloads.all()];
  const matched = (place: string, host: string) => {
    const workload = workloads.find(({ namespace: own }) => own === place);
    if (workload === undefined) throw new Error(`no pod in ${place}`);
    return snapshot.destinations.match(workload, host).map(({ destination: { id } }) => id);
  };
  const [report] = snapshot.importReports ?? [];
  return { snapshot, matched, report, reasons: report?.unused.map(({ reason, count }) => [reason, count]) };
}

test('an imported entry is a Destination under the host of its URL, for the namespaces that allow names', (t) => {
  const { matched, report } = compile({ entries: { crm: entry('crm.example') } });
  t.deepEqual(matched('shop', 'crm.example'), ['DestinationSource btp/subaccount/crm']);
  t.deepEqual(matched('other', 'crm.example'), []);
  t.like(report, { source: 'btp', level: 'subaccount', selected: 1, used: 1, sample: ['crm'], unused: [] });
});

test('only what import selects is there, at its level', (t) => {
  const some = source({ import: [{ level: 'subaccount', names: ['shop-*'] }] });
  const { matched, report, snapshot } = compile({
    sources: [some],
    entries: { 'shop-crm': entry('crm.example'), bank: entry('bank.example') },
    instance: { 'shop-erp': entry('erp.example') },
  });
  t.deepEqual(matched('shop', 'bank.example'), []);
  t.deepEqual(matched('shop', 'erp.example'), []);
  t.like(report, { selected: 1, used: 1 });
  t.deepEqual(
    snapshot.imports?.map(({ level }) => level),
    ['subaccount'],
  );
  t.deepEqual(compile({ sources: [source({ import: [] })] }).snapshot.imports, []);
});

test('every Destination goes before it, also one that names the host by wildcard', (t) => {
  const entries = { crm: entry('crm.example.com') };
  const imported = 'DestinationSource btp/subaccount/crm';
  const own = destination('shop/mine', { hosts: ['crm.example.com'] });
  t.deepEqual(compile({ entries, destinations: [own] }).matched('shop', 'crm.example.com'), [
    'Destination shop/mine',
    imported,
  ]);
  const wildcard = destination('shop/mine', { hosts: ['*.example.com'] });
  t.deepEqual(compile({ entries, destinations: [wildcard] }).matched('shop', 'crm.example.com'), [
    'Destination shop/mine',
    imported,
  ]);
  const cluster = clusterDestination('all', { hosts: ['*.example.com'] });
  t.deepEqual(compile({ entries, clusterDestinations: [cluster] }).matched('shop', 'crm.example.com'), [
    'ClusterDestination all',
    imported,
  ]);
  const final = clusterDestination('all', { hosts: ['*.example.com'], overridable: false });
  t.deepEqual(compile({ entries, clusterDestinations: [final] }).matched('shop', 'crm.example.com'), [
    'ClusterDestination all',
  ]);
});

test('what can not be used is counted with the reason, and spoils no other', (t) => {
  const problem = new LeatError('DESTINATION_ENTRY_UNSUPPORTED', 'entries of type "RFC" are not supported');
  const { report, reasons, snapshot } = compile({
    entries: {
      good: entry('good.example'),
      rfc: { problem },
      trusting: entry('trusting.example', { trustsAll: true }),
      onPremise: entry('erp.corp', { proxyType: 'OnPremise' }),
      clear: entry('clear.example', clear('clear.example')),
      single: entry('erp'),
      twice: entry('good.example'),
    },
  });
  t.like(report, { selected: 7, used: 1, sample: ['good'] });
  t.deepEqual(reasons, [
    ['CleartextRefused', 1],
    ['ConnectivityNotConfigured', 1],
    ['DestinationEntryUnsupported', 2],
    ['HostNotAllowed', 1],
    ['HostTaken', 1],
  ]);
  t.deepEqual(report?.unused[2]?.sample, ['rfc', 'trusting']);
  t.deepEqual(snapshot.problems, [], 'they are told in the status of the source, and there alone');
});

test('a host whose entry can not be used is held: what is sent there is refused, not sent without', (t) => {
  const { snapshot, matched } = compile({ entries: { clear: entry('clear.example', clear('clear.example')) } });
  t.deepEqual(matched('shop', 'clear.example'), ['DestinationSource btp/subaccount/clear']);
  const onPremise = compile({ entries: { erp: entry('erp.corp', { proxyType: 'OnPremise' }) } }).snapshot;
  t.like([...onPremise.destinations.all()][0]?.resolved, { ready: false });
  t.is([...snapshot.destinations.all()].length, 1);
});

test('what the administrator says opens it: a tunnel, allowInsecure, allowCleartext', (t) => {
  const opened = source({
    tunnel: 'corp',
    allowInsecure: true,
    import: [{ level: 'subaccount', names: ['*'], allowCleartext: true }],
  });
  const { report } = compile({
    sources: [opened],
    entries: {
      trusting: entry('trusting.example', { trustsAll: true }),
      onPremise: entry('erp.corp', { proxyType: 'OnPremise' }),
      clear: entry('clear.example', clear('clear.example')),
    },
  });
  t.like(report, { used: 3, unused: [] });
});

test('names that no part of allow names are not used', (t) => {
  const narrow = source({
    allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['crm'], levels: ['subaccount'] }],
  });
  const { matched, reasons } = compile({
    sources: [narrow],
    entries: { crm: entry('crm.example'), bank: entry('bank.example') },
  });
  t.deepEqual(matched('shop', 'bank.example'), []);
  t.deepEqual(reasons, [['NotAllowed', 1]]);
});

test('of two entries for a host the instance goes before the subaccount; two namespaces may each have theirs', (t) => {
  const both = source({
    import: [
      { level: 'subaccount', names: ['*'] },
      { level: 'instance', names: ['*'] },
    ],
  });
  const { matched, snapshot } = compile({
    sources: [both],
    entries: { a: entry('crm.example') },
    instance: { b: entry('crm.example') },
  });
  t.deepEqual(matched('shop', 'crm.example'), ['DestinationSource btp/instance/b']);
  t.deepEqual(
    snapshot.importReports?.map(({ level, used, unused }) => [level, used, unused[0]?.reason]),
    [
      ['instance', 1, undefined],
      ['subaccount', 0, 'HostTaken'],
    ],
  );
  const apart = source({
    allow: [
      { namespaces: { names: ['shop'] }, destinationNames: ['a'], levels: ['subaccount'] },
      { namespaces: { names: ['other'] }, destinationNames: ['b'], levels: ['subaccount'] },
    ],
  });
  const each = compile({ sources: [apart], entries: { a: entry('crm.example'), b: entry('crm.example') } });
  t.deepEqual(each.matched('shop', 'crm.example'), ['DestinationSource btp/subaccount/a']);
  t.deepEqual(each.matched('other', 'crm.example'), ['DestinationSource btp/subaccount/b']);
  t.is(each.report?.used, 2);
});

test('names that NodePolicy keeps are not claimed', (t) => {
  const kept = nodePolicy('names', {
    hosts: [{ hosts: ['crm.example'], namespaces: { all: true }, action: 'Deny' }],
  });
  const { matched, reasons } = compile({ entries: { crm: entry('crm.example') }, nodePolicies: [kept] });
  t.deepEqual(matched('shop', 'crm.example'), []);
  t.deepEqual(reasons, [['HostNotAllowed', 1]]);
  const shared = source({ allow: [{ namespaces: { all: true }, destinationNames: ['*'], levels: ['subaccount'] }] });
  const ofOne = nodePolicy('names', {
    hosts: [
      { hosts: ['crm.example'], namespaces: { names: ['shop'] }, action: 'Allow' },
      { hosts: ['crm.example'], namespaces: { all: true }, action: 'Deny' },
    ],
  });
  const apart = compile({ sources: [shared], entries: { crm: entry('crm.example') }, nodePolicies: [ofOne] });
  t.is(apart.matched('shop', 'crm.example').length, 1);
  t.deepEqual(apart.matched('other', 'crm.example'), []);
});

test('an import that could not be fetched is a problem of its source, whose Secret is nobody else’s to know', (t) => {
  const set = resourceSet({
    namespaces: [namespace('shop')],
    secrets: [secret('leat-system/binding', BINDING)],
    destinationSources: [source()],
  });
  const problem = new LeatError('DESTINATION_SERVICE_UNAVAILABLE', 'it answered 500');
  const failed = compileSnapshot(set, NODE, undefined, undefined, () => ({ problem }));
  t.like(failed.problems[0], { resource: 'DestinationSource btp', reason: 'DestinationServiceUnavailable' });
  t.deepEqual(failed.importReports, []);
  const pending = compileSnapshot(set, NODE);
  t.deepEqual(pending.problems, []);
  t.is(pending.imports?.length, 1);
});

test('nothing is compiled again while nothing was fetched anew', (t) => {
  const set = resourceSet({
    namespaces: [namespace('shop')],
    secrets: [secret('leat-system/binding', BINDING)],
    destinationSources: [source()],
  });
  const memory = new CompileMemory();
  const first: FetchedImport = {
    entries: [{ name: 'crm', fetched: entry('crm.example') }],
    isCut: false,
    isStale: false,
  };
  const once = compileSnapshot(set, NODE, undefined, memory, () => first);
  const again = compileSnapshot(set, NODE, undefined, memory, () => first);
  t.is([...once.destinations.all()][0], [...again.destinations.all()][0]);
  const anew = compileSnapshot(set, NODE, undefined, memory, () => ({ ...first, isStale: true }));
  t.true(anew.importReports?.[0]?.isStale);
});
