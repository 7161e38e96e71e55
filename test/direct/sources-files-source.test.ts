// SPDX-License-Identifier: Apache-2.0
import { appendFile, chmod, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ResourceSet } from '../../api/resource-set.ts';
import { startFilesSource } from '../../daemon/sources/files-source.ts';
import { formatSourceProblem } from '../../daemon/sources/source-problem.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';

const namespace = (name: string) => `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n---\n`;

/** A source over a folder of its own, with everything that it told. */
async function startSource(
  t: ExecutionContext,
  prepare: (directory: string) => Promise<void> | void = () => undefined,
) {
  const lab = await createLab('files-source');
  t.teardown(() => lab.dispose());
  const directory = await lab.tempDir();
  await prepare(directory);
  const sets: string[][] = [];
  const problems: string[][] = [];
  const debug: string[] = [];
  const source = startFilesSource({
    directory,
    onChange: (set: ResourceSet) => sets.push(set.namespaces.map(({ metadata }) => metadata.name)),
    onProblems: (found) => problems.push(found.map(formatSourceProblem)),
    logger: { debug: (fields, message) => debug.push(`${message} ${JSON.stringify(fields)}`) },
  });
  t.teardown(() => source.stop());
  const file = (name: string) => path.join(directory, name);
  const write = (name: string, text: string) => writeFile(file(name), text);
  return { directory, file, write, sets, problems, debug, source };
}

test('takes an edit over within a second', async (t) => {
  const { write, sets, problems } = await startSource(t, (directory) =>
    writeFile(path.join(directory, 'a.yaml'), namespace('one')),
  );
  await until('the first state', () => sets.length === 1);
  await write('a.yaml', namespace('two'));
  await until('the edit', () => sets.length === 2, 1_000);
  t.deepEqual(sets, [['one'], ['two']]);
  t.deepEqual(problems, []);
});

test('takes an edit in a folder within the folder over within a second, which no watch sees', async (t) => {
  const { file, write, sets } = await startSource(t, async (directory) => {
    await mkdir(path.join(directory, 'shop'));
    await writeFile(path.join(directory, 'shop', 'a.yml'), namespace('one'));
  });
  await until('the first state', () => sets.length === 1);
  await write('shop/a.yml', namespace('two'));
  await until('the edit', () => sets.at(-1)?.[0] === 'two', 1_000);
  await unlink(file('shop/a.yml'));
  await until('the removal', () => sets.at(-1)?.length === 0, 1_000);
  t.deepEqual(sets, [['one'], ['two'], []]);
});

test('never takes over a file that is being written', async (t) => {
  const { file, sets, problems } = await startSource(t, (directory) =>
    writeFile(path.join(directory, 'a.yaml'), namespace('old')),
  );
  await until('the first state', () => sets.length === 1);
  const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
  await writeFile(file('a.yaml'), '');
  for (const name of names) {
    await sleep(30);
    await appendFile(file('a.yaml'), namespace(name));
  }
  await until('the whole file', () => sets.length > 1);
  t.deepEqual(sets, [['old'], names]);
  t.deepEqual(problems, []);
});

test('keeps the last good state, and tells why, while any file is invalid', async (t) => {
  const { write, sets, problems } = await startSource(t, (directory) =>
    writeFile(path.join(directory, 'a.yaml'), namespace('one')),
  );
  await until('the first state', () => sets.length === 1);
  await Promise.all([write('b.yaml', namespace('two')), write('c.yaml', 'apiVersion: v1\nkind: Namespace\n')]);
  await until('the problem', () => problems.length === 1);
  await sleep(600);
  t.deepEqual(sets, [['one']]);
  t.deepEqual(problems, [['c.yaml:1 Namespace metadata: is required']]);
  await write('c.yaml', namespace('three'));
  await until('the cure', () => sets.length === 2);
  t.deepEqual(sets[1], ['one', 'two', 'three']);
  t.deepEqual(problems[1], []);
});

test('starts with an invalid folder, and takes it over when it is repaired', async (t) => {
  const { write, sets, problems } = await startSource(t, (directory) =>
    writeFile(path.join(directory, 'a.yaml'), 'kind: [\n'),
  );
  await until('the problem', () => problems.length === 1);
  t.deepEqual(sets, []);
  await write('a.yaml', namespace('one'));
  await until('the cure', () => sets.length === 1);
});

test('names a folder that is missing, and takes it over when it comes', async (t) => {
  const { directory, write, sets, problems } = await startSource(t, (folder) => rm(folder, { recursive: true }));
  await until('the problem', () => problems.length === 1);
  t.deepEqual(problems, [[`the folder "${directory}" can't be read: it does not exist`]]);
  await mkdir(directory);
  await write('a.yaml', namespace('one'));
  await until('the folder', () => sets.at(-1)?.[0] === 'one');
});

test('follows the swap of links by which a mounted ConfigMap changes, at once and whole', async (t) => {
  const { directory, file, sets, problems } = await startSource(t, async (folder) => {
    for (const version of ['1', '2']) {
      await mkdir(path.join(folder, `..${version}`));
      for (const name of ['a', 'b']) {
        await writeFile(path.join(folder, `..${version}`, `${name}.yaml`), namespace(`${name}${version}`));
      }
    }
    await symlink('..1', path.join(folder, '..data'));
    for (const name of ['a.yaml', 'b.yaml']) await symlink(`..data/${name}`, path.join(folder, name));
  });
  await until('the first state', () => sets.length === 1);
  await symlink('..2', file('..data_tmp'));
  await rename(file('..data_tmp'), file('..data'));
  await rm(path.join(directory, '..1'), { recursive: true });
  await until('the swap', () => sets.length === 2, 1_000);
  t.deepEqual(sets, [
    ['a1', 'b1'],
    ['a2', 'b2'],
  ]);
  t.deepEqual(problems, []);
});

test('goes on after the folder was replaced', async (t) => {
  const { directory, write, sets } = await startSource(t, (folder) =>
    writeFile(path.join(folder, 'a.yaml'), namespace('one')),
  );
  await until('the first state', () => sets.length === 1);
  await rename(directory, `${directory}-old`);
  t.teardown(() => rm(`${directory}-old`, { recursive: true }));
  await mkdir(directory);
  await write('a.yaml', namespace('two'));
  await until('the new folder', () => sets.at(-1)?.[0] === 'two');
  t.deepEqual(sets[0], ['one']);
});

test('passes over files that begin with a dot, other files, and kinds of others', async (t) => {
  const { sets, problems, debug } = await startSource(t, async (directory) => {
    await writeFile(path.join(directory, '.a.yaml'), '[');
    await writeFile(path.join(directory, 'a.yaml~'), '[');
    await writeFile(path.join(directory, 'README.md'), '[');
    await mkdir(path.join(directory, '.git'));
    await writeFile(path.join(directory, '.git', 'a.yaml'), '[');
    await writeFile(path.join(directory, 'b.json'), '{"apiVersion": "apps/v1", "kind": "Deployment"}');
  });
  await until('the first state', () => sets.length === 1);
  t.deepEqual([sets, problems], [[[]], []]);
  t.deepEqual(debug, ['objects of other kinds are passed over {"kinds":["apps/v1 Deployment"]}']);
});

test('refuses a link that leads nowhere, a file that is no text, and one that is too large', async (t) => {
  const { problems } = await startSource(t, async (directory) => {
    await symlink('nowhere', path.join(directory, 'link.yaml'));
    await writeFile(path.join(directory, 'binary.yaml'), Buffer.from([0x61, 0xff]));
    await writeFile(path.join(directory, 'large.yaml'), Buffer.alloc(16 * 1024 * 1024 + 1, '#'));
  });
  await until('the problems', () => problems.length === 1);
  t.deepEqual(problems[0], [
    "link.yaml: can't be read: it does not exist",
    'binary.yaml: is not UTF-8 text',
    'large.yaml: has 16777217 bytes: the limit is 16777216',
  ]);
});

test('keeps running, and tells it, when a valid state can not be taken over', async (t) => {
  const lab = await createLab('files-source');
  t.teardown(() => lab.dispose());
  const directory = await lab.tempDir();
  await writeFile(path.join(directory, 'a.yaml'), namespace('one'));
  const problems: string[] = [];
  let applied = 0;
  const source = startFilesSource({
    directory,
    onChange: () => {
      if (++applied === 1) throw new TypeError('hunter2');
    },
    onProblems: (found) => problems.push(...found.map(formatSourceProblem)),
  });
  t.teardown(() => source.stop());
  await until('the problem', () => problems.length === 1);
  t.deepEqual(problems, ['valid, but could not be taken over: unexpected TypeError']);
  await writeFile(path.join(directory, 'a.yaml'), namespace('two'));
  await until('the next state', () => applied === 2);
});

test('tells nothing any more once it is stopped', async (t) => {
  const { source, write, sets } = await startSource(t);
  await until('the first state', () => sets.length === 1);
  await write('a.yaml', namespace('one'));
  await source.stop();
  await sleep(700);
  t.is(sets.length, 1);
});

(process.getuid?.() === 0 ? test.skip : test)('names a file that it may not read', async (t) => {
  const { problems } = await startSource(t, async (directory) => {
    await writeFile(path.join(directory, 'a.yaml'), namespace('one'));
    await chmod(path.join(directory, 'a.yaml'), 0);
  });
  await until('the problem', () => problems.length === 1);
  t.deepEqual(problems[0], ["a.yaml: can't be read: EACCES"]);
});
