// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Destination } from '../../../api/kinds/destination.ts';
import { learnAddresses } from '../../../daemon/app/learn-addresses.ts';
import type { Ipset } from '../../../daemon/capture/ipset-netlink.ts';
import type { Config } from '../../../daemon/config/config.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { createSnapshotFeed } from '../../../daemon/proxy/snapshot-feed.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import type { Logger } from '../../../daemon/telemetry/logger.ts';
import { createMetrics } from '../../../daemon/telemetry/metrics.ts';
import { destination, namespace, pod, resourceSet } from '../../support/resources.ts';

const api = destination('shop/api', { hosts: ['api.test'], ports: [{ port: 80, protocol: 'http' }] });

/** A learner whose kernel is a record of what it was told. */
function startLearner({ ipv6 = true, failing = false } = {}) {
  const told: string[] = [];
  const errors: unknown[] = [];
  const tell = async (what: string): Promise<void> => {
    told.push(what);
    if (failing) throw new Error('no such set');
  };
  const ipset = {
    add: (set: string, member: string) => tell(`add ${set} ${member}`),
    remove: (set: string, member: string) => tell(`remove ${set} ${member}`),
    flush: (set: string) => tell(`flush ${set}`),
  } as unknown as Ipset;
  const { publish, ...snapshots } = createSnapshotFeed();
  const learner = learnAddresses({ leatAddresses: { v4: '169.254.74.1', v6: ipv6 ? 'fd00::1' : null } } as Config, {
    ipset,
    snapshots,
    guard: (address) => (address === '10.96.0.1' ? new LeatError('UPSTREAM_ADDRESS_REFUSED', 'near') : null),
    metrics: createMetrics(),
    log: { error: (bound: unknown) => errors.push(bound) } as unknown as Logger,
  });
  const manage = (...destinations: Destination[]): void => {
    const resources = { namespaces: [namespace('shop')], pods: [pod('shop/web', ['10.0.0.5'])], destinations };
    publish(compileSnapshot(resourceSet(resources), { name: 'node-1', labels: {} }));
    learner.prune();
  };
  return { learner, manage, errors, told: () => told.splice(0) };
}

test('sets are emptied first; before there is a snapshot nothing is learnt', (t) => {
  const { learner, told } = startLearner();
  learner.noticeResolved('api.test', ['203.0.113.5']);
  t.deepEqual(told(), ['flush leat-known4', 'flush leat-known6']);
  t.deepEqual(startLearner({ ipv6: false }).told(), ['flush leat-known4']);
});

test('what the daemon resolves is captured at the declared ports, and once for each answer of the resolver', (t) => {
  const { learner, manage, told } = startLearner();
  manage(api);
  told();
  const answer = ['203.0.113.5', 'fd00:203::5'];
  learner.noticeResolved('API.test.', answer);
  learner.noticeResolved('API.test.', answer);
  learner.noticeResolved('other.test', ['203.0.113.6']);
  t.deepEqual(told(), ['add leat-known4 203.0.113.5,tcp:80', 'add leat-known6 fd00:203::5,tcp:80']);
  t.deepEqual(learner.hostsOf({ address: '203.0.113.5', port: 80 }, 'shop'), ['api.test']);
  learner.noticeResolved('api.test', [...answer]);
  t.is(told().length, 2, 'written again: somebody may have emptied the set');
});

test('an address that may not be dialled is never captured, and not given out as a real one', async (t) => {
  const { learner, manage, told } = startLearner();
  manage({ ...api, spec: { ...api.spec, addresses: 'Real' } });
  told();
  learner.noticeResolved('api.test', ['10.96.0.1', '203.0.113.5']);
  t.deepEqual(told(), ['add leat-known4 203.0.113.5,tcp:80']);
  await t.throwsAsync(learner.learnAnswer('api.test', ['203.0.113.7', '10.96.0.1']), {
    code: 'UPSTREAM_ADDRESS_REFUSED',
  });
  t.deepEqual(told(), []);
});

test('an answer waits for the kernel, and fails with it', async (t) => {
  const { learner, manage, told, errors } = startLearner({ failing: true });
  manage({ ...api, spec: { ...api.spec, addresses: 'Real' } });
  told();
  await t.throwsAsync(learner.learnAnswer('api.test', ['203.0.113.5']), { message: 'no such set' });
  await t.throwsAsync(
    learner.learnAnswer('api.test', ['203.0.113.5']),
    { message: 'no such set' },
    'and is tried again',
  );
  t.deepEqual(told(), ['add leat-known4 203.0.113.5,tcp:80', 'add leat-known4 203.0.113.5,tcp:80']);
  learner.noticeResolved('api.test', ['203.0.113.5']);
  await new Promise(setImmediate);
  t.is(errors.length, 3, 'two sets that could not be emptied, one address in the background');
});

test('an answer of more addresses than can be captured is not given out', async (t) => {
  const { learner, manage } = startLearner();
  manage({ ...api, spec: { ...api.spec, addresses: 'Real' } });
  const many = Array.from({ length: 1025 }, (_, index) => `203.0.${index >> 8}.${index & 255}`);
  await t.throwsAsync(learner.learnAnswer('api.test', many), { code: 'NOT_READY' });
});

test('without IPv6 only addresses of IPv4 are captured', async (t) => {
  const { learner, manage, told } = startLearner({ ipv6: false });
  manage(api);
  told();
  await learner.learnAnswer('api.test', ['fd00:203::5', '203.0.113.5']);
  t.deepEqual(told(), ['add leat-known4 203.0.113.5,tcp:80']);
});

test('what no Destination manages or declares any more is let go at the next snapshot', (t) => {
  const { learner, manage, told } = startLearner();
  const ports = [80, 81].map((port) => ({ port, protocol: 'http' as const }));
  manage({ ...api, spec: { ...api.spec, ports } });
  learner.noticeResolved('api.test', ['203.0.113.5']);
  told();
  manage(api);
  t.deepEqual(told(), ['remove leat-known4 203.0.113.5,tcp:81']);
  manage();
  t.deepEqual(told(), ['remove leat-known4 203.0.113.5,tcp:80']);
  t.is(learner.hostsOf({ address: '203.0.113.5', port: 80 }, 'shop'), null);
});
