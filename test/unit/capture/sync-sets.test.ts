// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Ipset } from '../../../daemon/capture/ipset-netlink.ts';
import { createSetSync } from '../../../daemon/capture/sync-sets.ts';

/** Sets in memory that note what is done to them; the kernel's own are in test/kernel/capture-ipset.test.ts. */
function memorySets(initial: Readonly<Record<string, readonly string[]>>): {
  ipset: Ipset;
  steps: string[];
  failNext: (text: string) => void;
} {
  const sets = new Map(Object.entries(initial).map(([set, members]) => [set, new Set(members)]));
  const steps: string[] = [];
  let failure: string | null = null;
  const step = async (text: string): Promise<void> => {
    await null;
    steps.push(text);
    if (text !== failure) return;
    failure = null;
    throw new Error(`failed: ${text}`);
  };
  const ipset: Ipset = {
    add: async (set, member) => {
      await step(`add ${set} ${member}`);
      sets.get(set)?.add(member);
    },
    remove: async (set, member) => {
      await step(`remove ${set} ${member}`);
      sets.get(set)?.delete(member);
    },
    list: async (set) => {
      await step(`list ${set}`);
      return new Set(sets.get(set));
    },
    flush: (set) => step(`flush ${set}`),
    close: () => undefined,
  };
  return {
    ipset,
    steps,
    failNext: (text) => {
      failure = text;
    },
  };
}

function desired(sets: Readonly<Record<string, readonly string[]>>): Map<string, Set<string>> {
  return new Map(Object.entries(sets).map(([set, members]) => [set, new Set(members)]));
}

test('reads each set once, then writes differences only, additions of all sets before removals', async (t) => {
  const { ipset, steps } = memorySets({ pods: ['a', 'b'], skip: ['c'] });
  const sync = createSetSync(ipset);
  t.deepEqual(await sync.apply(desired({ skip: ['a'], pods: ['b', 'c'] })), { added: 2, removed: 2 });
  t.deepEqual(steps.splice(0), [
    'list skip',
    'list pods',
    'add skip a',
    'add pods c',
    'remove skip c',
    'remove pods a',
  ]);
  t.deepEqual(await sync.apply(desired({ skip: ['a'], pods: ['b', 'c', 'd'] })), { added: 1, removed: 0 });
  t.deepEqual(steps, ['add pods d']);
});

test('of calls that wait for another, the last counts for all, and nothing is written for those between', async (t) => {
  const { ipset, steps } = memorySets({ pods: [] });
  const sync = createSetSync(ipset);
  const first = sync.apply(desired({ pods: ['a'] }));
  await first;
  steps.splice(0);
  const running = sync.apply(desired({ pods: ['b'] }));
  // The turn of the first begins before the others are asked for.
  await null;
  const waiting = [sync.apply(desired({ pods: ['c'] })), sync.apply(desired({ pods: ['d'] }))];
  await Promise.all([running, ...waiting]);
  t.deepEqual(steps, ['add pods b', 'remove pods a', 'add pods d', 'remove pods b']);
});

test('a failure rejects, and the next call reads the sets anew', async (t) => {
  const { ipset, steps, failNext } = memorySets({ pods: ['x'] });
  const sync = createSetSync(ipset);
  failNext('add pods b');
  await t.throwsAsync(sync.apply(desired({ pods: ['a', 'b'] })), { message: 'failed: add pods b' });
  steps.splice(0);
  t.deepEqual(await sync.apply(desired({ pods: ['a', 'b'] })), { added: 1, removed: 1 });
  t.deepEqual(steps, ['list pods', 'add pods b', 'remove pods x']);
});

test('after forget() the sets are read anew', async (t) => {
  const { ipset, steps } = memorySets({ pods: ['a'] });
  const sync = createSetSync(ipset);
  await sync.apply(desired({ pods: ['a'] }));
  sync.forget();
  await sync.apply(desired({ pods: ['a'] }));
  t.deepEqual(steps, ['list pods', 'list pods']);
});
