// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ResourceSet } from '../../api/resource-set.ts';
import { openResourceArchive, type ResourceArchive } from '../../daemon/lifecycle/saved-resources.ts';
import { createLab } from '../support/lab.ts';
import { destination, namespace, pod, resourceSet, secret } from '../support/resources.ts';
import { until } from '../support/until.ts';

async function open(t: ExecutionContext, stale: () => number | null = () => null) {
  const lab = await createLab('saved');
  const stateDirectory = await lab.tempDir();
  const errors: string[] = [];
  const archives: ResourceArchive[] = [];
  t.teardown(async () => {
    for (const archive of archives) await archive.stop();
    await lab.dispose();
  });
  const again = (): ResourceArchive => {
    const archive = openResourceArchive({
      stateDirectory,
      staleSinceMs: stale,
      onError: (error) => errors.push(error.message),
    });
    archives.push(archive);
    return archive;
  };
  return { folder: join(stateDirectory, 'resources'), again, errors };
}

const SET: ResourceSet = resourceSet({
  namespaces: [namespace('shop')],
  pods: [pod('shop/web', ['10.0.0.1'])],
  secrets: [secret('shop/user', { password: 'hunter2' })],
  destinations: [destination('shop/one'), destination('shop/two')],
});

test('what was saved is read after a restart, less the Secrets', async (t) => {
  const { folder, again, errors } = await open(t);
  const first = again();
  first.save(SET, { zone: 'a' });
  await first.stop();
  const state = await again().read();
  const { secrets: _, ...rest } = SET;
  t.deepEqual(state?.resources, { services: [], ...rest });
  t.deepEqual(state?.nodeLabels, { zone: 'a' });
  t.true(Date.now() - (state?.heardMs ?? 0) < 5_000);
  t.deepEqual(errors, []);
  for (const name of await readdir(folder)) {
    t.false((await readFile(join(folder, name), 'utf8')).includes('hunter2'), name);
    t.is((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  }
  t.is((await stat(folder)).mode & 0o777, 0o700);
});

test('a state is as old as the last word of the API server, not as its writing', async (t) => {
  const { again } = await open(t, () => 1_000_000);
  const first = again();
  first.save(SET, {});
  await first.stop();
  t.is((await again().read())?.heardMs, 1_000_000);
});

test('only what changed is written again', async (t) => {
  const { folder, again } = await open(t);
  const first = again();
  first.save(SET, {});
  await until('all is written', async () => (await first.read())?.resources.destinations.length === 2);
  const before = await stat(join(folder, 'destinations.jsonl'));
  first.save({ ...SET, pods: [] }, {});
  await first.stop();
  t.is((await stat(join(folder, 'destinations.jsonl'))).ino, before.ino);
  t.is((await readFile(join(folder, 'pods.jsonl'), 'utf8')).trim(), '');
});

test('pods of an earlier boot are not taken for those of this one: their addresses may be others', async (t) => {
  const { folder, again } = await open(t);
  const first = again();
  first.save(SET, {});
  await first.stop();
  const facts = JSON.parse(await readFile(join(folder, 'facts.json'), 'utf8'));
  await writeFile(join(folder, 'facts.json'), JSON.stringify({ ...facts, bootId: 'another' }));
  const state = await again().read();
  t.deepEqual([state?.resources.pods.length, state?.resources.destinations.length], [0, 2]);
});

test('nothing, rubbish and other formats are no state; a broken line costs that resource alone', async (t) => {
  const { folder, again } = await open(t);
  t.is(await again().read(), null);
  await mkdir(folder, { recursive: true });
  for (const facts of ['', '{', '[]', 'null', '{"format":2,"bootId":"x","heardMs":1}']) {
    await writeFile(join(folder, 'facts.json'), facts);
    t.is(await again().read(), null, facts);
  }
  const first = again();
  first.save(SET, {});
  await first.stop();
  const lines = (await readFile(join(folder, 'destinations.jsonl'), 'utf8')).split('\n');
  await writeFile(join(folder, 'destinations.jsonl'), ['{"kind":', '{}', 'null', ...lines].join('\n'));
  t.is((await again().read())?.resources.destinations.length, 2);
});

test('a write that was cut short leaves the state before, and no rest', async (t) => {
  const { folder, again } = await open(t);
  const first = again();
  first.save(SET, {});
  await first.stop();
  await writeFile(join(folder, '.pods.jsonl.4711'), '{"kind":');
  const second = again();
  t.is((await second.read())?.resources.pods.length, 1);
  second.save({ ...SET, pods: [] }, {});
  await second.stop();
  t.false(existsSync(join(folder, '.pods.jsonl.4711')));
});
