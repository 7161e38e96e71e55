// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseRange } from '../../../init/address-range.ts';
import { renderSetChanges } from '../../../init/render-sets.ts';
import { planSets } from '../../../init/set-plan.ts';

const RANGES = ['10.1.0.0/16', '10.9.0.1/32', 'fd00:1::/64'].map((text) => parseRange(text)!);

test('creates every set of the contract once per family, and puts the pod ranges in', (t) => {
  const lines = (renderSetChanges(planSets([4, 6], RANGES), '') ?? '').trim().split('\n');
  t.is(lines.filter((line) => line.startsWith('create ')).length, 17);
  t.true(lines.includes('create leat-alive bitmap:port range 53-53 timeout 9'));
  t.true(lines.includes('create leat-known6 hash:ip,port family inet6 maxelem 1048576'));
  t.deepEqual(
    lines.filter((line) => line.startsWith('add ')),
    ['add leat-ranges4 10.1.0.0/16', 'add leat-ranges4 10.9.0.1', 'add leat-ranges6 fd00:1::/64'],
  );
});

test('corrects the pod ranges and leaves the members of the daemon alone', (t) => {
  const saved = `create leat-alive bitmap:port range 53-53 timeout 9
add leat-alive 53 timeout 5
create leat-pods4 hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x5e8228a6
add leat-pods4 10.1.0.9
create leat-ranges4 hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1
add leat-ranges4 10.1.0.0/16
add leat-ranges4 10.2.0.0/16
`;
  const changes = renderSetChanges(planSets([4], RANGES), saved) ?? '';
  t.deepEqual(changes.match(/^(add|del) .*$/gm), ['add leat-ranges4 10.9.0.1', 'del leat-ranges4 10.2.0.0/16']);
  t.notRegex(changes, /create leat-(alive|pods4|ranges4)/);
});

test('refuses a set of another type, naming every one', (t) => {
  const saved = `create leat-pods4 hash:net family inet hashsize 1024 maxelem 65536
create leat-alive bitmap:port range 53-53
`;
  const error = t.throws(() => renderSetChanges(planSets([4], RANGES), saved));
  t.regex(error.message, /leat-alive is "bitmap:port range 53-53", not "bitmap:port range 53-53 timeout 9"/);
  t.regex(error.message, /leat-pods4 is "hash:net/);
});
