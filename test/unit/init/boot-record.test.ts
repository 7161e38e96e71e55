// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readBootRecord, removeBootRecord, writeBootRecord } from '../../../init/boot-record.ts';

const RECORD = {
  backend: 'legacy',
  evidence: 'kube-proxy',
  nat: 'iptables',
  isIpv6On: true,
  addresses: ['169.254.74.1'],
  routes: ['240.240.0.0/16'],
} as const;

function folder(t: ExecutionContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'leat-record-'));
  t.teardown(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, 'state');
}

test('remembers within a boot, readable by root alone, and forgets when told', (t) => {
  const stateDir = folder(t);
  t.is(readBootRecord(stateDir), null);
  writeBootRecord(stateDir, RECORD);
  t.like(readBootRecord(stateDir), RECORD);
  t.deepEqual(readdirSync(stateDir), ['init.json']);
  t.is(statSync(join(stateDir, 'init.json')).mode & 0o777, 0o600);
  removeBootRecord(stateDir);
  removeBootRecord(stateDir);
  t.is(readBootRecord(stateDir), null);
});

test('takes nothing from an earlier boot, nor from a file that was cut short', (t) => {
  const stateDir = folder(t);
  writeBootRecord(stateDir, RECORD);
  const path = join(stateDir, 'init.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/"bootId":"[^"]*"/, '"bootId":"00000000-0000-4000-8000-000000000000"'));
  t.is(readBootRecord(stateDir), null);
  for (const cut of ['', 'null', '[]', '{}', text.slice(0, -5)]) {
    writeFileSync(path, cut);
    t.is(readBootRecord(stateDir), null, cut);
  }
});
