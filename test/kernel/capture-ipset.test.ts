// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createLab, type Lab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';

const PROGRAM = new URL('programs/use-ipset.ts', import.meta.url).pathname;

type Step = readonly [string, string, string?, number?];

async function makeNode(lab: Lab, ...sets: string[]): Promise<Namespace> {
  const node = await lab.namespace('node');
  for (const set of sets) await node.run(['ipset', 'create', ...set.split(' ')]);
  return node;
}

async function carryOut(node: Namespace, steps: readonly Step[], prefix: readonly string[] = []): Promise<unknown[]> {
  const { stdout } = await node.run([...prefix, process.execPath, PROGRAM], { input: JSON.stringify(steps) });
  return JSON.parse(stdout) as unknown[];
}

async function membersByTool(node: Namespace, set: string): Promise<string[]> {
  const { stdout } = await node.run(['ipset', '-o', 'save', 'list', set]);
  const adds = stdout.split('\n').filter((line) => line.startsWith('add '));
  return adds.map((line) => line.replace(`add ${set} `, '').replace(/ timeout \d+/, '')).sort();
}

for (const { type, set, members } of [
  { type: 'hash:ip', set: 'leat-pods4', members: ['10.0.0.1', '10.0.0.2'] },
  { type: 'hash:ip family inet6', set: 'leat-pods6', members: ['fd00::1', 'fd00::2'] },
  { type: 'hash:net', set: 'leat-cidrs4', members: ['10.0.0.0/8', '192.0.2.7'] },
  { type: 'hash:net family inet6', set: 'leat-cidrs6', members: ['2001:db8::7', 'fd00::/8'] },
  { type: 'hash:ip,port', set: 'leat-known4', members: ['10.0.0.1,tcp:443', '10.0.0.1,udp:443'] },
  { type: 'hash:ip,port family inet6', set: 'leat-known6', members: ['fd00::1,tcp:443', 'fd00::1,udp:443'] },
  { type: 'bitmap:port range 53-54', set: 'leat-alive', members: ['53', '54'] },
]) {
  test(`adds, lists and removes members of ${type} as ipset does`, async (t) => {
    const lab = await createLab('ipset');
    t.teardown(() => lab.dispose());
    const node = await makeNode(lab, `${set} ${type}`);
    const [first = '', second = ''] = members;
    t.deepEqual(
      await carryOut(node, [
        ['add', set, first],
        ['add', set, second],
        ['add', set, second],
        ['list', set],
      ]),
      ['done', 'done', 'done', members],
    );
    t.deepEqual(await membersByTool(node, set), members);
    t.deepEqual(
      await carryOut(node, [
        ['remove', set, first],
        ['remove', set, first],
        ['list', set],
      ]),
      ['done', 'done', [second]],
    );
    t.deepEqual(await membersByTool(node, set), [second]);
    t.deepEqual(await carryOut(node, [['flush', set]]), ['done']);
    t.deepEqual(await membersByTool(node, set), []);
  });
}

test('says what is wrong, and with which set, where the kernel refuses', async (t) => {
  const lab = await createLab('ipset-refused');
  t.teardown(() => lab.dispose());
  const node = await makeNode(lab, 'leat-pods4 hash:ip maxelem 1', 'leat-alive bitmap:port range 53-53 timeout 9');
  const missing = 'set leat-skip4 does not exist: run init first';
  t.deepEqual(
    await carryOut(node, [
      ['add', 'leat-skip4', '10.0.0.1'],
      ['list', 'leat-skip4'],
      ['add', 'leat-pods4', 'fd00::1'],
      ['add', 'leat-pods4', '10.0.0.1', 9],
      ['add', 'leat-pods4', '10.0.0.1'],
      ['add', 'leat-pods4', '10.0.0.2'],
      ['add', 'leat-alive', '54'],
      ['add', 'leat-pods4', 'ten'],
      ['list', 'leat-pods4'],
    ]),
    [
      `can not add 10.0.0.1 to set leat-skip4: ${missing}`,
      `can not list set leat-skip4: ${missing}`,
      'can not add fd00::1 to set leat-pods4: the set is of another type or family',
      'can not add 10.0.0.1 to set leat-pods4: the set was made without timeouts',
      'done',
      'can not add 10.0.0.2 to set leat-pods4: the set is full, or the port is out of its range',
      'can not add 54 to set leat-alive: the set is full, or the port is out of its range',
      'can not add ten to set leat-pods4: "ten" is no member of a set, such as 10.0.0.1, 10.0.0.0/8, 10.0.0.1,tcp:443 or 53',
      ['10.0.0.1'],
    ],
  );
});

test('names the capability that is missing', async (t) => {
  const lab = await createLab('ipset-capability');
  t.teardown(() => lab.dispose());
  const node = await makeNode(lab, 'leat-pods4 hash:ip');
  const bounded = ['setpriv', '--bounding-set', '-net_admin', '--'];
  t.deepEqual(await carryOut(node, [['add', 'leat-pods4', '10.0.0.1']], bounded), [
    'can not add 10.0.0.1 to set leat-pods4: not permitted: CAP_NET_ADMIN is missing',
  ]);
});

test('thousands of additions and lists at once are each answered, and lists are whole', async (t) => {
  const lab = await createLab('ipset-many');
  t.teardown(() => lab.dispose());
  const node = await makeNode(lab, 'leat-pods4 hash:ip');
  t.deepEqual(await carryOut(node, [['many', 'leat-pods4', '3000']]), [[3000, 3000, 3000]]);
});

test('a request that is not answered when the socket is closed rejects, and the process ends', async (t) => {
  const lab = await createLab('ipset-close');
  t.teardown(() => lab.dispose());
  const node = await makeNode(lab, 'leat-pods4 hash:ip');
  const [first, second] = await carryOut(node, [
    ['close', 'leat-pods4'],
    ['add', 'leat-pods4', '10.0.0.1'],
  ]);
  t.is(first, 'can not list set leat-pods4: netlink socket was closed');
  t.is(second, 'can not add 10.0.0.1 to set leat-pods4: netlink socket is closed');
});

test('sets come to hold what they should, whoever wrote them before', async (t) => {
  const lab = await createLab('ipset-sync');
  t.teardown(() => lab.dispose());
  const node = await makeNode(lab, 'leat-cidrs4 hash:net', 'leat-ranges4 hash:net');
  await node.run(['ipset', 'add', 'leat-cidrs4', '192.0.2.0/24']);
  await node.run(['ipset', 'add', 'leat-ranges4', '10.0.0.0/24']);
  t.deepEqual(
    await carryOut(node, [
      ['sync', 'leat-cidrs4', '10.0.0.0/8 172.16.0.0/12'],
      ['sync', 'leat-cidrs4', '10.0.0.0/8 172.16.0.0/12'],
      ['add', 'leat-cidrs4', '198.51.100.0/24'],
      ['sync', 'leat-cidrs4', '10.0.0.0/8'],
      ['forget', ''],
      ['sync', 'leat-cidrs4', '10.0.0.0/8'],
    ]),
    [
      { added: 2, removed: 1 },
      { added: 0, removed: 0 },
      'done',
      { added: 0, removed: 1 },
      'done',
      { added: 0, removed: 1 },
    ],
  );
  t.deepEqual(await membersByTool(node, 'leat-cidrs4'), ['10.0.0.0/8']);
  t.deepEqual(await membersByTool(node, 'leat-ranges4'), ['10.0.0.0/24'], 'sets that were not named stay');
});

test('a heartbeat renews its entry for 9 seconds, and its end removes it for good', async (t) => {
  const lab = await createLab('heartbeat');
  t.teardown(() => lab.dispose());
  const node = await makeNode(lab, 'leat-alive bitmap:port range 53-53 timeout 9');
  await node.run(['ipset', 'add', 'leat-alive', '53', 'timeout', '1']);
  await carryOut(node, [['beat', '']]);
  const left = /add leat-alive 53 timeout (\d+)/.exec((await node.run(['ipset', 'save', 'leat-alive'])).stdout)?.[1];
  t.true(Number(left) >= 7 && Number(left) <= 9, `${left} seconds are left`);
  t.deepEqual(
    await carryOut(node, [
      ['beat', ''],
      ['stop', ''],
      ['list', 'leat-alive'],
      ['beat', ''],
      ['list', 'leat-alive'],
    ]),
    ['done', 'done', [], 'done', []],
  );
});
