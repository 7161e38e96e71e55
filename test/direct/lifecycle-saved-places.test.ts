// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Place } from '../../daemon/destination/held-places.ts';
import { openSavedPlaces } from '../../daemon/lifecycle/saved-places.ts';
import { createLab } from '../support/lab.ts';

const ID = 'DestinationSource btp/subaccount/crm';
const FILE = 'entry-places.json';
const upstream = {
  host: 'crm.example',
  port: 8443,
  pathPrefix: '/key-of-hunter2',
  tls: { serverName: null, ca: 'PEM' },
};
const PLACE: Place = { hosts: ['crm.example'], ports: [{ port: 80, protocol: 'http', upstream }] };

async function arrange(t: ExecutionContext) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const folder = await lab.tempDir();
  const errors: string[] = [];
  const open = (directory = folder) => openSavedPlaces(directory, ({ message }) => errors.push(message));
  return { folder, open, errors };
}

test('hosts and ports are there after a restart, for the daemon’s user alone, and nothing else of an entry', async (t) => {
  const { folder, open, errors } = await arrange(t);
  const first = open();
  t.is(first.places.size, 0);
  first.save(new Map([[ID, PLACE]]));
  await first.stop();
  const text = await readFile(join(folder, FILE), 'utf8');
  t.false(/hunter2|PEM|8443/.test(text));
  t.is((await stat(join(folder, FILE))).mode & 0o777, 0o600);
  const nowhere = { host: null, port: 80, pathPrefix: '', tls: null };
  t.deepEqual(
    [...open().places],
    [[ID, { hosts: ['crm.example'], ports: [{ port: 80, protocol: 'http', upstream: nowhere }] }]],
  );
  t.deepEqual(errors, []);
});

test('what is the same is not written, what is another is, and the last word counts', async (t) => {
  const { folder, open } = await arrange(t);
  const places = open();
  places.save(new Map());
  await places.stop();
  t.deepEqual(await readdir(folder), []);
  places.save(new Map([[ID, PLACE]]));
  places.save(new Map());
  places.save(new Map([[ID, PLACE]]));
  places.save(new Map());
  await places.stop();
  t.is(open().places.size, 0);
  t.deepEqual(
    (await readdir(folder)).filter((name) => name !== FILE),
    [],
  );
});

for (const [what, text] of [
  ['no JSON', '[["DestinationSource btp/subaccount/crm",["crm.ex'],
  ['no list', '{"a":1}'],
  ['an id that is none', '[[5,["crm.example"],[[80,"http"]]]]'],
  ['a host that is none', `[["${ID}",[5],[[80,"http"]]]]`],
  ['a protocol that this version does not know', `[["${ID}",["crm.example"],[[80,"quic"]]]]`],
  ['a port that is none', `[["${ID}",["crm.example"],[["80","http"]]]]`],
  ['items that are none', '[null,5,"x",[]]'],
] as const) {
  test(`a file with ${what} holds nothing, and is replaced`, async (t) => {
    const { folder, open } = await arrange(t);
    await writeFile(join(folder, FILE), text);
    const places = open();
    t.is(places.places.size, 0);
    places.save(new Map([[ID, PLACE]]));
    await places.stop();
    t.is(open().places.size, 1);
  });
}

test('a folder that is not there any more is told, once for each try', async (t) => {
  const { folder, open, errors } = await arrange(t);
  const gone = join(folder, 'gone');
  const places = open(gone);
  await rm(gone, { recursive: true });
  places.save(new Map([[ID, PLACE]]));
  await places.stop();
  t.true(errors.length > 0);
  t.regex(errors[0] ?? '', /ENOENT/);
});
