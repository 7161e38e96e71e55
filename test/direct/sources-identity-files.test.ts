// SPDX-License-Identifier: Apache-2.0
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { followIdentityFiles } from '../../daemon/sources/identity-files.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';

async function arrange(t: ExecutionContext) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const directory = join(await lab.tempDir(), 'identity');
  const seen: ReadonlyMap<string, string>[] = [];
  const followed = followIdentityFiles({ directory, onChange: (files) => seen.push(files), pollMs: 100 });
  t.teardown(() => followed.stop());
  const write = (name: string, text: string | Buffer) => writeFile(join(directory, name), text);
  return { directory, seen, followed, write };
}

test('a folder that comes later is read, and again when a helper renews what is in it', async (t) => {
  const { directory, seen, write } = await arrange(t);
  await mkdir(directory);
  await write('svid.pem', 'first certificate');
  await write('svid_key.pem', 'first key');
  await until('the first pair is there', () => seen.at(-1)?.get('svid_key.pem') === 'first key');
  await write('svid.pem', 'second certificate');
  await write('svid_key.pem', 'second key');
  await until('the second pair is there', () => seen.at(-1)?.get('svid_key.pem') === 'second key');
  t.is(seen.at(-1)?.get('svid.pem'), 'second certificate');
  t.false(
    seen.some((files) => files.get('svid.pem')?.startsWith('second') && files.get('svid_key.pem')?.startsWith('first')),
    'half a pair is never told',
  );
});

test('what a volume replaces by its links is seen; what is no key is passed over', async (t) => {
  const { directory, seen, write } = await arrange(t);
  await mkdir(directory);
  await mkdir(join(directory, 'folder'));
  await write('.hidden', 'x');
  await write('large', Buffer.alloc(65_537));
  await write('svid.pem', 'first');
  await until('it is read', () => seen.length > 0);
  t.deepEqual([...(seen[0] ?? [])], [['svid.pem', 'first']]);
  await write('.new', 'second');
  await rename(join(directory, '.new'), join(directory, 'svid.pem'));
  await until('the new one is read', () => seen.at(-1)?.get('svid.pem') === 'second');
  await rm(directory, { recursive: true });
  await until('its end is seen', () => seen.at(-1)?.size === 0);
  t.pass();
});

test('nothing is told after the end', async (t) => {
  const { directory, seen, followed, write } = await arrange(t);
  await followed.stop();
  await mkdir(directory);
  await write('svid.pem', 'first');
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.is(seen.length, 0);
});
