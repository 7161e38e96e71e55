// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openSyntheticJournal } from '../../../daemon/lifecycle/synthetic-journal.ts';

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'leat-journal-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return join(path, 'state');
}

const erp = { host: 'erp.corp', index: 7, owner: '' };
const db = { host: 'db.corp', index: 8, owner: 'shop' };

test('what was appended is there after a restart, in order', (t) => {
  const state = folder(t);
  const journal = openSyntheticJournal(state);
  t.deepEqual(journal.entries, []);
  journal.append(erp);
  journal.append(db);
  t.deepEqual(openSyntheticJournal(state).entries, [erp, db]);
});

test('a line that a crash cut off is passed over, and the next one is whole', (t) => {
  const state = folder(t);
  openSyntheticJournal(state).append(erp);
  const [file = ''] = readdirSync(state);
  appendFileSync(join(state, file), '{"host":"half.corp","ind');
  const journal = openSyntheticJournal(state);
  t.deepEqual(journal.entries, [erp]);
  journal.append(db);
  t.deepEqual(openSyntheticJournal(state).entries, [erp, db]);
});

test('lines that are no entries are passed over', (t) => {
  const state = folder(t);
  openSyntheticJournal(state).close();
  const [file = ''] = readdirSync(state);
  appendFileSync(join(state, file), 'null\n[]\n{"host":1,"index":2,"owner":""}\n{"host":"a","index":1.5,"owner":""}\n');
  t.deepEqual(openSyntheticJournal(state).entries, []);
});

test('nobody else may read the folder', (t) => {
  const state = folder(t);
  openSyntheticJournal(state).append(erp);
  t.is(statSync(state).mode & 0o777, 0o700);
});
