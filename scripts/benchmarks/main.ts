// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { createLab } from '../../test/support/lab.ts';
import type { Bed } from './bed.ts';
import { bulk } from './beds/bulk.ts';
import { connections } from './beds/connections.ts';
import { http } from './beds/http.ts';
import { idle } from './beds/idle.ts';
import { requests } from './beds/requests.ts';
import { printFindings } from './report.ts';
import { makeScene } from './scene.ts';

const BEDS: Readonly<Record<string, Bed>> = { connections, requests, bulk, http, idle };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    repeat: { type: 'string', default: '5' },
    peer: { type: 'string', multiple: true, default: [] },
  },
});
const [name = ''] = positionals;
const bed = BEDS[name];
const repeat = Number(values.repeat);
if (bed === undefined || positionals.length !== 1 || !Number.isInteger(repeat) || repeat < 1) {
  console.error(
    `usage: scripts/bench BED [--json] [--repeat N] [--peer 'COMMAND']; beds: ${Object.keys(BEDS).join(' ')}`,
  );
  process.exit(2);
}

const lab = await createLab(`bench ${name}`);
try {
  const scene = await makeScene(lab);
  const findings = await bed(scene, { repeat, peers: values.peer });
  printFindings(name, findings);
  if (values.json) console.log(JSON.stringify({ bed: name, figures: findings.figures }));
} finally {
  await lab.dispose();
}
