// SPDX-License-Identifier: Apache-2.0
import { type Added, applyPlan, removeEverything } from './apply-plan.ts';
import { readBootRecord, removeBootRecord, writeBootRecord } from './boot-record.ts';
import { decideFacts } from './decide-facts.ts';
import { describePlan } from './describe-plan.ts';
import { EXIT_CODES, InitError } from './init-error.ts';
import { readAddresses, readRoutes } from './node-facts.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { planRedirect } from './redirect-plan.ts';
import { findOverlaps } from './refuse-overlap.ts';
import { runCommand } from './run-command.ts';

/** Options, decisions, plan, node: each step in its own file. */
function main(): void {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === null) console.log(USAGE);
  else if (options.cleanup) cleanUp(options);
  else setUp(options);
}

function setUp(options: Options): void {
  const run = runCommand;
  const record = readBootRecord(options.stateDir);
  const { choice, nat, isIpv6On, reasons } = decideFacts(run, options, record);
  for (const reason of reasons) console.log(reason);

  const addresses = readAddresses(run);
  const ownRoutes = record?.routes ?? [];
  const routes = readRoutes(run).filter((route) => !(route.isLocal && ownRoutes.includes(route.destination)));
  const overlaps = findOverlaps(options, { addresses, routes }, isIpv6On);
  if (overlaps.length > 0) throw new InitError(EXIT_CODES.refused, overlaps);

  const plan = planRedirect(options, { addresses, isIpv6On, nat });
  if (options.dryRun) {
    console.log(describePlan(plan));
    return;
  }
  const before: Added = record ?? { addresses: [], routes: [] };
  // Written before the change as well: a run that dies half-way must still be cleaned up by the next.
  const planned = {
    addresses: plan.addresses.map(({ address }) => address),
    routes: plan.routes.map(({ text }) => text),
  };
  const present = new Set(addresses.map(({ address }) => address));
  const ours = planned.addresses.filter((address) => !present.has(address) || before.addresses.includes(address));
  writeBootRecord(options.stateDir, {
    ...choice,
    nat,
    isIpv6On,
    addresses: [...new Set([...before.addresses, ...ours])],
    routes: [...new Set([...before.routes, ...planned.routes])],
  });
  const added = applyPlan(run, plan, choice.backend, before);
  writeBootRecord(options.stateDir, { ...choice, nat, isIpv6On, ...added });
  console.log(
    `the redirection is in place: ${plan.rules.length + plan.nftRules.length} rules, ${plan.sets.length} sets`,
  );
}

function cleanUp(options: Options): void {
  const record = readBootRecord(options.stateDir);
  // Without a record (the folder is gone), what the options name is taken for ours.
  const added: Added = record ?? {
    addresses: [options.leatAddress4, options.leatAddress6],
    routes: [options.syntheticRange4.text, options.syntheticRange6.text],
  };
  if (options.dryRun) {
    console.log(
      `would remove every LEAT- chain, the sets leat-*, the nft table inet leat, and from lo: ${[...added.addresses, ...added.routes].join(', ')}`,
    );
    return;
  }
  removeEverything(runCommand, added);
  removeBootRecord(options.stateDir);
  console.log('everything of leat is removed');
}

try {
  main();
} catch (error) {
  if (!(error instanceof InitError)) throw error;
  for (const problem of error.problems) console.error(`leat init: ${problem}`);
  process.exitCode = error.exitCode;
}
