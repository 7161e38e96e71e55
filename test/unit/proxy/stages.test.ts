// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { socketDownstream } from '../../../daemon/net/downstream.ts';
import { type AcceptedConnection, acceptConnection } from '../../../daemon/proxy/accept-connection.ts';
import { captureConnection } from '../../../daemon/proxy/capture-connection.ts';
import { ConnectionLimit } from '../../../daemon/proxy/connection-limit.ts';
import { type IdentifiedConnection, identifyConnection } from '../../../daemon/proxy/identify-connection.ts';
import { nameConnection } from '../../../daemon/proxy/name-connection.ts';
import type { NameSource } from '../../../daemon/proxy/ports.ts';
import { createSnapshotFeed } from '../../../daemon/proxy/snapshot-feed.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import type { Workload } from '../../../daemon/workload/workload.ts';
import { destination, namespace, pod as resourcePod, resourceSet } from '../../support/resources.ts';

const ORIGINAL = { address: '240.240.0.9', port: 80 };

function client(remoteAddress: string | undefined): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress, remotePort: 4711 }) as unknown as Socket;
}

function accept(remoteAddress: string | undefined): AcceptedConnection {
  return acceptConnection(socketDownstream(client(remoteAddress), () => ORIGINAL));
}

const captured = (address = '10.1.0.2') =>
  captureConnection(accept(address), (downstream) => downstream.originalDestination());

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
  return { snapshots, holdsAddress: () => true, identifyTimeoutMs, signal: new AbortController().signal };
}

test('a mapped peer is the IPv4 address that it is, and one that is gone is nobody', (t) => {
  t.is(accept('::ffff:10.1.0.2').peer.address, '10.1.0.2');
  t.is(accept(undefined).peer.address, '0.0.0.0');
});

test('an error of the client between stages does not end the process', (t) => {
  const socket = client('10.1.0.2');
  acceptConnection(socketDownstream(socket, () => ORIGINAL));
  t.notThrows(() => socket.emit('error', new Error('ECONNRESET')));
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
  t.throws(() => identifyConnection(captured(), feed([pod('web', false)], 10_000)), { code: 'SOURCE_NOT_ENROLLED' });
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
  for (const [pods, code] of [
    [[], 'SOURCE_UNKNOWN'],
    [[pod('a'), pod('b')], 'SOURCE_AMBIGUOUS'],
    [null, 'NOT_READY'],
  ] as const) {
    await t.throwsAsync(async () => identifyConnection(captured(), feed(pods)), { code });
  }
});

test('an address that two pods had for a moment is waited for', async (t) => {
  const ports = feed([pod('old'), pod('new')], 10_000);
  const identified = identifyConnection(captured(), ports);
  await sleep(5);
  ports.snapshots.publish(snapshot([pod('new')]));
  t.is((await identified).workload.name, 'new');
});

/** What there is to name a connection by; reading from it is a failure of the test unless it is told what is read. */
function namePorts(
  names: Partial<NameSource>,
  read: { host?: string | null | LeatError; serverName?: string | null } = {},
) {
  const unexpected = (): never => {
    throw new Error('nothing is to be read here');
  };
  const { host, serverName } = read;
  return {
    names: { isSynthetic: () => false, hostOf: () => null, resolvedHostsOf: () => null, ...names },
    readRequestHost: async () => {
      if (host instanceof LeatError) throw host;
      return host === undefined ? unexpected() : host;
    },
    readClientHello: serverName === undefined ? unexpected : async () => ({ serverName }),
  };
}

test('a synthetic address without a name is refused, any other address has none, at once', async (t) => {
  const identified = await identifyConnection(captured(), feed([pod('web')]));
  const synthetic = { isSynthetic: () => true };
  t.throws(() => nameConnection(identified, namePorts(synthetic)), { instanceOf: LeatError, code: 'NAME_UNKNOWN' });
  t.like(nameConnection(identified, namePorts({})), { host: null });
  t.like(nameConnection(identified, namePorts({ ...synthetic, hostOf: () => 'erp.corp' })), { host: 'erp.corp' });
});

/** Names a connection of shop/web to 203.0.113.5 at a port where these hosts are known, in a world of these Destinations. */
async function nameAt(port: number, hosts: readonly string[], read: Parameters<typeof namePorts>[1] = {}) {
  const ports = (protocol: 'http' | 'https' | 'tls' | 'tcp') => [{ port, protocol }];
  const resources = resourceSet({
    namespaces: [namespace('shop'), namespace('crm')],
    pods: [resourcePod('shop/web', ['10.1.0.2'])],
    destinations: [
      destination('shop/http', { hosts: ['*.http.test'], ports: ports('http') }),
      destination('shop/https', { hosts: ['a.tls.test'], ports: ports('https') }),
      destination('shop/tls', { hosts: ['b.tls.test'], ports: ports('tls') }),
      destination('shop/tcp', { hosts: ['*.tcp.test'], ports: ports('tcp') }),
      destination('shop/other', { hosts: ['other-port.test'], ports: [{ port: 9, protocol: 'http' }] }),
      destination('crm/tcp', { hosts: ['crm.test'], ports: ports('tcp') }),
    ],
  });
  const { publish, ...snapshots } = createSnapshotFeed();
  publish(compileSnapshot(resources, { name: 'node-1', labels: {} }));
  const connection = captureConnection(accept('10.1.0.2'), () => ({ address: '203.0.113.5', port }));
  const identified = await identifyConnection(connection, { ...feed(null), snapshots });
  const { host, statedHost } = await nameConnection(identified, namePorts({ resolvedHostsOf: () => hosts }, read));
  return { host, statedHost };
}

test('at a known address the name is read as the declared protocol has it', async (t) => {
  t.like(await nameAt(80, ['a.http.test'], { host: 'a.http.test' }), { host: 'a.http.test' });
  t.like(await nameAt(80, ['a.http.test'], { host: 'b.http.test' }), { host: 'b.http.test' }, 'managed as well');
  t.like(await nameAt(443, ['a.tls.test', 'b.tls.test'], { serverName: 'b.tls.test' }), { host: 'b.tls.test' });
});

test('a name that the workload may not use, or none, leaves the connection what it was', async (t) => {
  t.deepEqual(await nameAt(80, ['a.http.test'], { host: 'blog.test' }), { host: null, statedHost: 'blog.test' });
  t.deepEqual(await nameAt(80, ['a.http.test'], { host: 'crm.test' }), { host: null, statedHost: 'crm.test' });
  t.deepEqual(await nameAt(80, ['a.http.test'], { host: null }), { host: null, statedHost: null });
  t.deepEqual(await nameAt(443, ['a.tls.test'], { serverName: null }), { host: null, statedHost: null });
});

test('nothing is read, and no server-first protocol stalls, where no host of the workload is known or tcp is spoken', async (t) => {
  t.like(await nameAt(5432, ['db.tcp.test']), { host: 'db.tcp.test' });
  t.deepEqual(await nameAt(5432, ['db.tcp.test', 'dw.tcp.test']), { host: null, statedHost: null }, 'which of them?');
  t.deepEqual(await nameAt(80, ['a.http.test', 'db.tcp.test']), { host: null, statedHost: null }, 'which protocol?');
  t.deepEqual(await nameAt(80, []), { host: null, statedHost: null });
  t.deepEqual(await nameAt(80, ['crm.test', 'other-port.test']), { host: null, statedHost: null });
});

test('a name that can not be read refuses the connection', async (t) => {
  const error = new LeatError('REQUEST_TIMEOUT', 'no request within 10000 ms');
  await t.throwsAsync(nameAt(80, ['a.http.test'], { host: error }), { is: error });
});

test('slots are counted for each pod, and given back', (t) => {
  const limit = new ConnectionLimit();
  const of = (name: string) => ({ workload: pod(name), snapshot: snapshot([]) }) as unknown as IdentifiedConnection;
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
