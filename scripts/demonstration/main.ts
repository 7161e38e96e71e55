// SPDX-License-Identifier: Apache-2.0
/** The demo: builds a node, an Internet and an on-premise network of namespaces, and shows five cases. `--keep` leaves it up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createLab, type Lab } from '../../test/support/lab.ts';
import { type Case, listCases, type Step } from './cases.ts';
import { explainHowToPlay } from './keep.ts';
import { startLeat } from './leat.ts';
import { AccessLog, narrate } from './narration.ts';
import { buildNetworks } from './networks.ts';
import { startServers } from './servers.ts';

interface Outcome {
  readonly title: string;
  readonly problems: readonly string[];
  readonly durationMs: number;
}

const say = (text = '') => console.log(text);

async function playStep(step: Step, log: AccessLog): Promise<string | null> {
  log.skip();
  say(`\n  ${step.pod}$ ${step.argv.map((word) => (/[\s*]/.test(word) ? `'${word}'` : word)).join(' ')}`);
  const client = await step.place.run(step.argv, {
    allowFailure: true,
    ...(step.env === undefined ? {} : { env: step.env }),
  });
  for (const line of `${client.stdout}${client.stderr}`.trimEnd().split('\n')) say(`  > ${line}`);
  // Nothing can be waited for where nothing may come; a record would have been written by then.
  const records = step.captured ? await log.next() : await sleep(300).then(() => log.since());
  for (const line of narrate(records)) say(`    ${line}`);
  const problem = step.captured && records.length === 0 ? 'the daemon wrote no record' : step.check(client, records);
  say(problem === null ? `    ✔ ${step.says}` : `    ✘ ${problem}`);
  return problem;
}

async function playCase(number: number, { title, steps }: Case, log: AccessLog): Promise<Outcome> {
  say(`\n${number}. ${title}`);
  const startedMs = performance.now();
  const problems: string[] = [];
  for (const step of steps) {
    const problem = await playStep(step, log);
    if (problem !== null) problems.push(problem);
  }
  return { title, problems, durationMs: performance.now() - startedMs };
}

async function play(lab: Lab, keep: boolean): Promise<boolean> {
  const startedMs = performance.now();
  say('Building a node with pods on a bridge, an Internet, and an on-premise network, each a network namespace ...');
  const networks = await buildNetworks(lab);
  const servers = await startServers(networks);
  say(
    'Up: OAuth server and https API (nginx) on the Internet; dante, PostgreSQL, a Connectivity Proxy and an ERP system on-premise.',
  );
  const leat = await startLeat(networks.node, servers.authority.certificate);
  say(
    `Leat runs in the node: ${leat.rules.v4} rules for IPv4 and ${leat.rules.v6} for IPv6, and its self-test proved the capture.`,
  );

  const log = new AccessLog(leat.daemon);
  const outcomes: Outcome[] = [];
  for (const [index, each] of listCases(networks, servers).entries())
    outcomes.push(await playCase(index + 1, each, log));

  say(`\nSummary after ${Math.round((performance.now() - startedMs) / 1000)} s`);
  for (const [index, { title, problems, durationMs }] of outcomes.entries()) {
    say(`  ${problems.length === 0 ? 'ok    ' : 'FAILED'}  ${index + 1}. ${title} (${Math.round(durationMs)} ms)`);
    for (const problem of problems) say(`            ${problem}`);
  }
  const succeeded = outcomes.every(({ problems }) => problems.length === 0);
  if (!succeeded) say(`\nWhat the daemon wrote besides its records:\n${otherLines(leat.daemon.output())}`);
  if (keep) {
    say(await explainHowToPlay(lab, networks, leat));
    // A signal ends the process, and the lab with it.
    await leat.daemon.exited;
    say('The daemon has ended.');
  }
  return succeeded;
}

function otherLines(output: string): string {
  return output
    .split('\n')
    .filter((line) => !line.includes('"record":'))
    .slice(-40)
    .join('\n');
}

const lab = await createLab('demo');
try {
  const succeeded = await play(lab, process.argv.includes('--keep'));
  process.exitCode = succeeded ? 0 : 1;
} catch (error) {
  say(`\nThe demo could not be played: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await lab.dispose();
}
