// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createPodLinks } from '../../../daemon/capture/pod-links.ts';
import type { Workload } from '../../../daemon/workload/workload.ts';

const ADDRESS = '10.1.0.2';

function pod(uid: string, addresses: readonly string[] = [ADDRESS]): Workload {
  return { uid, namespace: 'shop', name: uid, serviceAccount: 'default', labels: {}, addresses, enrolled: true };
}

/** Links of a node, as the kernel would tell of them. */
class Node {
  arrived = 0;
  changed = 0;
  isFresh = true;
  nowMs = 1_000_000;
  looks = 0;
  owner: number | Error = 0;
  readonly pods = createPodLinks({
    isFresh: () => this.isFresh,
    nowMs: () => this.nowMs,
    links: {
      changes: () => this.changed,
      arrivals: () => this.arrived,
      arrivalOf: () => {
        this.looks += 1;
        if (this.owner instanceof Error) throw this.owner;
        return this.owner;
      },
    },
  });

  /** A link comes, and has the address. */
  give(): void {
    this.arrived += 1;
    this.changed += 1;
    this.owner = this.arrived;
  }
}

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code, errno: -1, syscall: 'rtnetlink' });
}

test('a pod has its address while no link changes, at the cost of no look', (t) => {
  const node = new Node();
  node.give();
  node.pods.note([pod('a')]);
  t.true(node.pods.holds(pod('a'), ADDRESS));
  t.false(node.pods.holds(pod('b'), ADDRESS), 'nobody has told of this one');
  t.is(node.looks, 0);
});

test('what comes and goes elsewhere is looked at once, and takes nothing away', (t) => {
  const node = new Node();
  node.pods.note([pod('a')]);
  node.arrived += 3;
  node.changed += 5;
  for (let turn = 0; turn < 3; turn += 1) t.true(node.pods.holds(pod('a'), ADDRESS));
  t.is(node.looks, 1);
});

test('an address that a younger link has is not that of the pod that had it, told or not told to be gone', (t) => {
  const node = new Node();
  node.pods.note([pod('a')]);
  node.changed += 1;
  node.give();
  t.false(node.pods.holds(pod('a'), ADDRESS));
  node.pods.note([pod('a'), pod('b')]);
  t.false(node.pods.holds(pod('a'), ADDRESS), 'knowing the new one does not bring the old one back');
  t.true(node.pods.holds(pod('b'), ADDRESS));
  node.give();
  t.false(node.pods.holds(pod('b'), ADDRESS));
});

test('a link that changed without a trace is looked at again after the next change', (t) => {
  const node = new Node();
  node.pods.note([pod('a')]);
  node.arrived += 1;
  node.changed += 1;
  t.true(node.pods.holds(pod('a'), ADDRESS), 'the new link has not got the address yet');
  node.changed += 1;
  node.owner = node.arrived;
  t.false(node.pods.holds(pod('a'), ADDRESS), 'the old one went, so the new one could get it');
});

test('a new sandbox of the same pod is believed after ten seconds in which the API server is heard', (t) => {
  const node = new Node();
  node.pods.note([pod('a')]);
  node.give();
  t.false(node.pods.holds(pod('a'), ADDRESS));
  node.nowMs += 9_000;
  node.isFresh = false;
  t.false(node.pods.holds(pod('a'), ADDRESS));
  node.isFresh = true;
  node.nowMs += 9_000;
  t.false(node.pods.holds(pod('a'), ADDRESS), 'time in which it was not heard does not count');
  node.nowMs += 1_000;
  t.true(node.pods.holds(pod('a'), ADDRESS));
  node.give();
  t.false(node.pods.holds(pod('a'), ADDRESS), 'and so is only that one');
});

test('an address that nothing has is nobody’s; a kernel that can’t tell is no reason to refuse', (t) => {
  const node = new Node();
  node.pods.note([pod('a')]);
  node.changed += 1;
  node.owner = refusal('ENOENT');
  t.false(node.pods.holds(pod('a'), ADDRESS));
  node.owner = refusal('EOPNOTSUPP');
  t.true(node.pods.holds(pod('a'), ADDRESS));
});
