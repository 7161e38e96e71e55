// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { type AcceptedConnection, acceptConnection } from '../../../daemon/proxy/accept-connection.ts';
import { captureConnection } from '../../../daemon/proxy/capture-connection.ts';
import { ConnectionLimit } from '../../../daemon/proxy/connection-limit.ts';
import type { DecidedConnection } from '../../../daemon/proxy/decide-connection.ts';
import { identifyConnection } from '../../../daemon/proxy/identify-connection.ts';
import { nameConnection } from '../../../daemon/proxy/name-connection.ts';
import { createSnapshotFeed } from '../../../daemon/proxy/snapshot-feed.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import type { Workload } from '../../../daemon/workload/workload.ts';

function accept(remoteAddress: string | undefined): AcceptedConnection {
  return acceptConnection(Object.assign(new EventEmitter(), { remoteAddress, remotePort: 4711 }) as unknown as Socket);
}

const captured = (address = '10.1.0.2') =>
  captureConnection(accept(address), () => ({ address: '240.240.0.9', port: 80 }));

function pod(name: string, enrolled = true): Workload {
  const serviceAccount = 'default';
  return { uid: name, namespace: 'shop', name, serviceAccount, labels: {}, addresses: ['10.1.0.2'], enrolled };
}

/** A snapshot that knows these pods at 10.1.0.2, and a limit. */
function snapshot(pods: readonly Workload[], connectionsPerPod = 2): Snapshot {
  return {
    workloads: { at: (address: string) => (address === '10.1.0.2' ? pods : []) },
    policy: { forNamespace: () => ({ rule: 'NodePolicy default', connectionsPerPod }) },
  } as unknown as Snapshot;
}

function feed(pods: readonly Workload[] | null, identifyTimeoutMs = 30) {
  const snapshots = createSnapshotFeed();
  if (pods !== null) snapshots.publish(snapshot(pods));
  return { snapshots, identifyTimeoutMs, signal: new AbortController().signal };
}

test('a mapped peer is the IPv4 address that it is, and one that is gone is nobody', (t) => {
  t.is(accept('::ffff:10.1.0.2').peer.address, '10.1.0.2');
  t.is(accept(undefined).peer.address, '0.0.0.0');
});

test('an error of the client between stages does not end the process', (t) => {
  const { downstream } = accept('10.1.0.2');
  t.notThrows(() => downstream.emit('error', new Error('ECONNRESET')));
});

test('where the kernel does not tell the original destination, nothing is guessed', (t) => {
  const refuse = (): never => {
    throw new LeatError('ORIGINAL_DESTINATION_UNREADABLE', 'conntrack does not know it');
  };
  t.throws(() => captureConnection(accept('10.1.0.2'), refuse), { instanceOf: LeatError });
});

test('one enrolled pod at the address is who it is', async (t) => {
  t.is((await identifyConnection(captured(), feed([pod('web')]))).workload.name, 'web');
});

test('a pod that is not enrolled is refused without waiting', async (t) => {
  const startedAt = performance.now();
  await t.throwsAsync(identifyConnection(captured(), feed([pod('web', false)], 10_000)), {
    code: 'SOURCE_NOT_ENROLLED',
  });
  t.true(performance.now() - startedAt < 5_000);
});

test('a source that is not known yet is waited for', async (t) => {
  const ports = feed([], 10_000);
  const identified = identifyConnection(captured(), ports);
  await sleep(5);
  ports.snapshots.publish(snapshot([]));
  await sleep(5);
  ports.snapshots.publish(snapshot([pod('late')]));
  t.is((await identified).workload.name, 'late');
});

test('unknown, ambiguous, or nothing delivered at all: refused after the deadline, each with its code', async (t) => {
  await t.throwsAsync(identifyConnection(captured(), feed([])), { code: 'SOURCE_UNKNOWN' });
  await t.throwsAsync(identifyConnection(captured(), feed([pod('a'), pod('b')])), { code: 'SOURCE_AMBIGUOUS' });
  await t.throwsAsync(identifyConnection(captured(), feed(null)), { code: 'NOT_READY' });
});

test('an address that two pods had for a moment is waited for', async (t) => {
  const ports = feed([pod('old'), pod('new')], 10_000);
  const identified = identifyConnection(captured(), ports);
  await sleep(5);
  ports.snapshots.publish(snapshot([pod('new')]));
  t.is((await identified).workload.name, 'new');
});

test('a synthetic address without a name is refused, any other address has none', async (t) => {
  const identified = await identifyConnection(captured(), feed([pod('web')]));
  const none = { isSynthetic: () => true, hostOf: () => null };
  t.throws(() => nameConnection(identified, none), { instanceOf: LeatError, code: 'NAME_UNKNOWN' });
  t.is(nameConnection(identified, { ...none, isSynthetic: () => false }).host, null);
  t.is(nameConnection(identified, { ...none, hostOf: () => 'erp.corp' }).host, 'erp.corp');
});

test('slots are counted for each pod, and given back', (t) => {
  const limit = new ConnectionLimit();
  const of = (name: string) => ({ workload: pod(name), snapshot: snapshot([]) }) as unknown as DecidedConnection;
  const first = limit.take(of('a'));
  limit.take(of('a'));
  t.throws(() => limit.take(of('a')), { instanceOf: LeatError, code: 'CONNECTION_LIMIT' });
  t.notThrows(() => limit.take(of('b')));
  first[Symbol.dispose]();
  t.notThrows(() => limit.take(of('a')));
});

test('waiting for a change ends with the signal', async (t) => {
  const controller = new AbortController();
  const waiting = createSnapshotFeed().changed(controller.signal);
  controller.abort(new LeatError('DRAINED', 'stopped'));
  await t.throwsAsync(waiting, { code: 'DRAINED' });
});
