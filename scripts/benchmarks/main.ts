// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { createLab } from '../../test/support/lab.ts';
import type { Bed } from './bed.ts';
import { bulk } from './beds/bulk.ts';
import { connections } from './beds/connections.ts';
import { decideBed } from './beds/decide.ts';
import { dns } from './beds/dns.ts';
import { http } from './beds/http.ts';
import { idle } from './beds/idle.ts';
import { requests } from './beds/requests.ts';
import { scaleBed } from './beds/scale.ts';
import { untouchedBed } from './beds/untouched.ts';
import { type Findings, printFindings } from './report.ts';
import { makeScene } from './scene.ts';

const BEDS: Readonly<Record<string, Bed>> = { connections, requests, bulk, http, idle, dns };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    repeat: { type: 'string', default: '5' },
    peer: { type: 'string', multiple: true, default: [] },
  },
});
const [name = ''] = positionals;
const repeat = Number(values.repeat);
const names = [...Object.keys(BEDS), 'decide', 'untouched', 'scale'];
if (!names.includes(name) || positionals.length !== 1 || !Number.isInteger(repeat) || repeat < 1) {
  console.error(`usage: scripts/bench BED [--json] [--repeat N] [--peer 'COMMAND']; beds: ${names.join(' ')}`);
  process.exit(2);
}

const findings = await measure(BEDS[name]);
printFindings(name, findings);
if (values.json) console.log(JSON.stringify({ bed: name, figures: findings.figures }));

async function measure(bed: Bed | undefined): Promise<Findings> {
  if (name === 'decide') return decideBed({ repeat });
  const lab = await createLab(`bench ${name}`);
  try {
    if (name === 'untouched') return await untouchedBed(lab, { repeat });
    return bed === undefined
      ? await scaleBed(lab, { repeat })
      : await bed(await makeScene(lab), { repeat, peers: values.peer });
  } finally {
    await lab.dispose();
  }
}
