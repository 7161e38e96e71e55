// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import type { DecidedConnection } from '../../../daemon/proxy/decide-connection.ts';
import { followRoute } from '../../../daemon/proxy/follow-route.ts';
import { createSnapshotFeed } from '../../../daemon/proxy/snapshot-feed.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import { destination, namespace, pod, resourceSet, secret } from '../../support/resources.ts';

const host = 'erp.example.com';
const web = pod('shop/web', ['10.0.0.5']);
const basic = destination('shop/erp', {
  hosts: [host],
  authentication: { type: 'Basic', basic: { secret: 'user' } },
  allowCleartext: true,
});
const before: Partial<ResourceSet> = {
  namespaces: [namespace('shop')],
  pods: [web],
  secrets: [secret('shop/user', { username: 'shop', password: 'old' })],
  destinations: [basic],
};

/** A connection that was decided with `before`; `change` publishes a newer state and asks for the route. */
function kept() {
  const compile = (parts: Partial<ResourceSet>) => compileSnapshot(resourceSet(parts), { name: 'node-1', labels: {} });
  const snapshot = compile(before);
  const snapshots = createSnapshotFeed();
  snapshots.publish(snapshot);
  const [workload] = snapshot.workloads.at('10.0.0.5');
  if (workload === undefined) throw new Error('the pod of the test is missing');
  const facts = { workload, host, originalDestination: { address: '240.240.0.7', port: 80 } };
  const decision = decide(snapshot, facts);
  if (!decision.allow || decision.route.kind !== 'http') throw new Error('the test wants an http route');
  const decided = { ...facts, snapshot, peer: { address: '10.0.0.5', port: 4711 } } as unknown as DecidedConnection;
  const currentRoute = followRoute(decided, decision.route, snapshots);
  return {
    first: decision.route,
    currentRoute,
    change(parts: Partial<ResourceSet>) {
      snapshots.publish(compile({ ...before, ...parts }));
      return currentRoute;
    },
  };
}

test('the route is the same while nothing changes', (t) => {
  const { first, currentRoute } = kept();
  t.is(currentRoute(), first);
});

test('a rotated Secret counts from the next request on', (t) => {
  const { change } = kept();
  const route = change({ secrets: [secret('shop/user', { username: 'shop', password: 'new' })] })();
  const resolved = route.targets[0]?.destination.resolved;
  const password =
    resolved?.ready && resolved.authentication.type === 'Basic' ? resolved.authentication.password : null;
  t.is(password?.reveal(), 'new');
});

const refusals: Record<string, [Partial<ResourceSet>, string]> = {
  'a Destination that was deleted': [{ destinations: [] }, 'HOST_NOT_MANAGED'],
  'a pod that is gone': [{ pods: [] }, 'SOURCE_UNKNOWN'],
  'an address that is another pod by now': [{ pods: [pod('shop/next', ['10.0.0.5'])] }, 'SOURCE_UNKNOWN'],
  'a namespace that is no longer enrolled': [{ namespaces: [namespace('shop', {})] }, 'SOURCE_NOT_ENROLLED'],
  'a port that no longer speaks http': [
    {
      destinations: [
        destination('shop/erp', {
          hosts: [host],
          ports: [{ port: 80, protocol: 'tcp' }],
          authentication: { type: 'None' },
        }),
      ],
    },
    'HOST_NOT_MANAGED',
  ],
};
for (const [what, [parts, code]] of Object.entries(refusals)) {
  test(`a kept connection is refused after ${what}`, (t) => {
    t.throws(kept().change(parts), { instanceOf: LeatError, code });
  });
}
