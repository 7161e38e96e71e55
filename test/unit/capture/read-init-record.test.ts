// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readInitRecord } from '../../../daemon/capture/read-init-record.ts';

async function read(text: string | null): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'leat-record-'));
  try {
    if (text !== null) await writeFile(join(folder, 'init.json'), text);
    return await readInitRecord(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('reads what the daemon needs of the record', async (t) => {
  const record = { bootId: 'x', evidence: 'option', backend: 'legacy', nat: 'iptables', isIpv6On: false, routes: [] };
  t.deepEqual(await read(JSON.stringify(record)), { backend: 'legacy', nat: 'iptables', isIpv6On: false });
});

test('says null where init has not run', async (t) => {
  t.is(await read(null), null);
});

for (const [text, complaint] of [
  ['{"backend":"nft"', /is no JSON: run init again/],
  ['7', /is no JSON object/],
  ['{"backend":"ebpf","nat":"iptables","isIpv6On":true}', /backend is "ebpf"/],
  ['{"backend":"nft","isIpv6On":true}', /nat is undefined/],
  ['{"backend":"nft","nat":"nft-table","isIpv6On":"on"}', /isIpv6On is "on"/],
] as const) {
  test(`refuses the record ${text} and says what to do`, async (t) => {
    const error = await t.throwsAsync(read(text), { message: complaint });
    t.regex(error?.message ?? '', /run init again$/);
  });
}
