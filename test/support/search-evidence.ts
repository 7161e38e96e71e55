// SPDX-License-Identifier: Apache-2.0
/**
 * Searches everything that Leat wrote in a test run, kept in the folder that LEAT_EVIDENCE names, for every secret that was
 * used in it, in clear and encoded. Prints two lines of TAP: that a secret which is planted first is found in each form, and
 * that no other is.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepOutput, noteSecret } from './evidence.ts';
import { compileNeedles, type NotedSecret, searchBytes } from './search-needles.ts';
import { formsOf } from './search-secret.ts';

const folder = process.env.LEAT_EVIDENCE;
if (folder === undefined) throw new Error('LEAT_EVIDENCE names no folder');

const PLANTED = 'a planted secret';
const TITLE = /^# planted as (.*)$/m;
const forms = plant();
const secrets = readSecrets(folder);
const needles = compileNeedles(secrets);
const shown = new Set<string>();
const found: string[] = [];
const kinds = new Map<string, { files: number; bytes: number }>();
for (const name of readdirSync(folder).filter((each) => !each.startsWith('secrets-'))) {
  const bytes = readFileSync(join(folder, name));
  const title = bytes.toString('utf8', 0, 300).split('\n')[0] ?? '';
  const [, planted] = TITLE.exec(title) ?? [];
  if (planted === undefined) count(name.split('-')[0] ?? '', bytes.length);
  for (const { secret, offset } of searchBytes(bytes, needles)) {
    if (secret === PLANTED && planted !== undefined) shown.add(planted);
    else found.push(`${name}:${lineAt(bytes, offset)} shows ${secret} (${title})`);
  }
}
const missed = forms.filter((form) => !shown.has(form));
report(1, missed, `a planted secret is found in each of ${forms.length} forms`);
const kept = [...kinds].map(
  ([kind, { files, bytes }]) => `${(bytes / 1e6).toFixed(1)} MB of ${kind} in ${files} files`,
);
report(2, found, `none of ${secrets.length - 1} secrets stands in what Leat wrote: ${kept.join(', ')}`);

/** In a line as Leat writes them, each form in a file of its own; in base64 wherever it may begin. */
function plant(): string[] {
  const value = `pl4nted+/${randomBytes(12).toString('base64url')}?ä`;
  noteSecret(PLANTED, value);
  const encoded = [0, 1, 2].map((offset) => Buffer.from(`${'x'.repeat(offset)}${value}yz`).toString('base64'));
  const all = [...formsOf(value), ...encoded];
  return all.map((form, index) => {
    keepOutput('log', `planted as ${index}`)?.(`{"level":30,"msg":"before ${form} behind"}\n`);
    return String(index);
  });
}

function readSecrets(from: string): NotedSecret[] {
  const whose = new Map<string, string>();
  for (const name of readdirSync(from).filter((each) => each.startsWith('secrets-'))) {
    for (const line of readFileSync(join(from, name), 'utf8').split('\n')) {
      if (line === '') continue;
      const { name: of, value } = JSON.parse(line) as NotedSecret;
      whose.set(value, of);
    }
  }
  return [...whose].map(([value, name]) => ({ name, value }));
}

function count(kind: string, lengthBytes: number): void {
  const { files, bytes } = kinds.get(kind) ?? { files: 0, bytes: 0 };
  kinds.set(kind, { files: files + 1, bytes: bytes + lengthBytes });
}

function lineAt(bytes: Buffer, offset: number): number {
  return bytes.subarray(0, offset).toString('latin1').split('\n').length;
}

function report(nth: number, problems: readonly string[], what: string): void {
  console.log(`${problems.length === 0 ? 'ok' : 'not ok'} ${nth} - ${what}`);
  for (const problem of problems.slice(0, 50)) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
}
