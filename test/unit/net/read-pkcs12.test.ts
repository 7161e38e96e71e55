// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readPkcs12 } from '../../../daemon/net/read-pkcs12.ts';

/** A file with a certificate of two days and its key. */
function create(t: { teardown(end: () => void): void }, ...options: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'leat-pkcs12-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [key, certificate, file] = ['k', 'c', 'f'].map((name) => join(folder, name)) as [string, string, string];
  const run = (...argv: string[]) => execFileSync('openssl', argv, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', key];
  run('req', '-x509', ...newKey, '-subj', '/CN=x', '-days', '2', '-out', certificate);
  run('pkcs12', '-export', '-inkey', key, '-in', certificate, '-passout', 'pass:p4ss', ...options, '-out', file);
  return readFileSync(file);
}

test('a file is opened by its password, and says when its certificate ends', (t) => {
  const read = readPkcs12(create(t), 'p4ss');
  const inTwoDaysMs = Date.now() + 2 * 86_400_000;
  t.true('notAfterMs' in read && Math.abs((read.notAfterMs ?? 0) - inTwoDaysMs) < 120_000);
});

for (const [name, file, password, problem] of [
  ['a wrong password', null, 'p5ss', /password is wrong/],
  ['no password', null, '', /password is wrong or missing/],
  ['what is no file of the kind', Buffer.from('hello'), '', /no PKCS#12 file/],
  ['nothing', Buffer.alloc(0), '', /no PKCS#12 file/],
] as const) {
  test(`${name} is told in words`, (t) => {
    const read = readPkcs12(file ?? create(t), password);
    t.regex('problem' in read ? read.problem : '', problem);
  });
}
