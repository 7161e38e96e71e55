// SPDX-License-Identifier: Apache-2.0
import { appendFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { followCniResults } from '../../daemon/sources/kubernetes/follow-cni-results.ts';
import { cniResult } from '../support/cni-results.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';

async function makeFolder(t: ExecutionContext): Promise<string> {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  return lab.loopback.tempDir();
}

function follow(t: ExecutionContext, folder: string) {
  const problems: (Error | null)[] = [];
  const followed = followCniResults(
    folder,
    () => {},
    (problem) => problems.push(problem),
  );
  t.teardown(() => followed.stop());
  return { ...followed, problems };
}

test('a result is known while it is there, also one that is written in two goes', async (t) => {
  const folder = await makeFolder(t);
  const followed = follow(t, folder);
  const file = join(folder, 'bridge-1-eth0');
  const text = cniResult('uid-a', ['10.244.0.5/24']);
  await writeFile(file, text.slice(0, 100));
  await appendFile(file, text.slice(100));
  await until('it is known', () => followed.addressesOf('uid-a') !== null);
  t.deepEqual(followed.addressesOf('uid-a'), ['10.244.0.5']);
  t.is(followed.ownerOf('10.244.0.5'), 'uid-a');
  await rm(file);
  await until('it is forgotten', () => followed.addressesOf('uid-a') === null);
  t.is(followed.ownerOf('10.244.0.5'), null);
  t.deepEqual(followed.problems, []);
});

test('of two results of one pod the later counts, and what is no result is passed over', async (t) => {
  const folder = await makeFolder(t);
  await writeFile(join(folder, 'cache-2'), cniResult('uid-a', ['10.244.0.6/24']));
  await writeFile(join(folder, 'cache-1'), cniResult('uid-a', ['10.244.0.5/24']));
  await utimes(join(folder, 'cache-2'), 1_000, 1_000);
  await writeFile(join(folder, 'README'), 'not a result');
  const followed = follow(t, folder);
  await until('it is known', () => followed.addressesOf('uid-a') !== null);
  t.deepEqual(followed.addressesOf('uid-a'), ['10.244.0.5']);
});

test('a folder that can’t be read is told, and nothing is known from it', async (t) => {
  const followed = follow(t, join(await makeFolder(t), 'absent'));
  await until('it is told', () => followed.problems.length > 0);
  t.regex(followed.problems[0]?.message ?? '', /ENOENT/);
  t.is(followed.addressesOf('uid-a'), null);
});
