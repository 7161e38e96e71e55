// SPDX-License-Identifier: Apache-2.0
import { HEARTBEAT_SET, SETS } from '../api/redirect-contract.ts';
import { FAMILIES, type Family } from './address-range.ts';
import type { BootRecord } from './boot-record.ts';
import { type ExistingRules, hasOwnChains } from './existing-rules.ts';
import { EXIT_CODES, InitError } from './init-error.ts';
import { BACKENDS, type Backend, iptablesCommand, readExistingRules } from './iptables-backend.ts';
import { NFT_TABLE, renderNftRemoval, renderNftTable } from './nft-table.ts';
import { familyOfText, readAddresses, readRoutes } from './node-facts.ts';
import { renderRemoval, renderRestore } from './render-restore.ts';
import { renderSetChanges } from './render-sets.ts';
import type { Plan } from './rule.ts';
import { type Run, runOrFail } from './run-command.ts';
import { setName } from './set-plan.ts';

// The only file of init that changes the node.

/** Another party may change a chain between our reading and writing; the next attempt reads again. */
const ATTEMPTS = 4;
/** ipset refuses to destroy a set that a rule removed a moment ago still holds: nf_tables lets go of it after a grace period. */
const DESTROY_ATTEMPTS = 40;
const DESTROY_PAUSE_MS = 50;

/** What was on lo before, and so is not ours to remove. */
export type Added = Pick<BootRecord, 'addresses' | 'routes'>;

/**
 * Makes the node what the plan says, writing only what is missing, and reads it back.
 * Sets and addresses come first because rules name them; rules of the other backend, which an earlier run with another
 * choice left, go last, so that there is no moment without capture.
 * @returns what is ours on lo now.
 * @throws InitError (failed) where a command fails or the node does not keep what was written.
 */
export function applyPlan(run: Run, plan: Plan, backend: Backend, before: Added): Added {
  applySets(run, plan);
  const added = applyLoopback(run, plan, before);
  for (const family of FAMILIES) {
    if (plan.families.includes(family)) applyRules(run, plan, family, backend);
    else removeRules(run, family, backend);
  }
  applyNftTable(run, plan);
  for (const other of BACKENDS) {
    if (other !== backend) for (const family of FAMILIES) removeRules(run, family, other);
  }
  return added;
}

/** Removes everything that any run can have made: rules of both backends, the nft table, sets, routes, addresses. */
export function removeEverything(run: Run, added: Added): void {
  for (const backend of BACKENDS) for (const family of FAMILIES) removeRules(run, family, backend);
  if (hasNftTable(run)) runOrFail(run, 'nft', ['-f', '-'], renderNftRemoval());
  removeLoopback(run, added);
  const existing = new Set(runOrFail(run, 'ipset', ['list', '-name']).split('\n'));
  const names = (Object.keys(SETS) as (keyof typeof SETS)[]).flatMap((key) => FAMILIES.map((f) => setName(key, f)));
  for (const name of [HEARTBEAT_SET, ...names]) if (existing.has(name)) destroySet(run, name);
}

function applySets(run: Run, plan: Plan): void {
  const changes = renderSetChanges(plan.sets, runOrFail(run, 'ipset', ['save']));
  if (changes === null) return;
  runOrFail(run, 'ipset', ['restore', '-exist'], changes);
  const missing = renderSetChanges(plan.sets, runOrFail(run, 'ipset', ['save']));
  if (missing !== null) throw notKept('ipset', missing);
}

function applyLoopback(run: Run, plan: Plan, before: Added): Added {
  const addresses = plan.addresses.map(({ address }) => address);
  const routes = plan.routes.map(({ text }) => text);
  removeLoopback(run, {
    addresses: before.addresses.filter((address) => !addresses.includes(address)),
    routes: before.routes.filter((route) => !routes.includes(route)),
  });
  const known = new Set(readAddresses(run).map(({ address }) => address));
  for (const address of addresses) {
    if (known.has(address)) continue;
    // Never the source of the node's own connections: scope host and a preferred lifetime of 0 see to that. No duplicate
    // address detection on lo: the address would be unusable for a second.
    const options = address.includes(':') ? ['nodad', 'preferred_lft', '0'] : ['scope', 'host'];
    runOrFail(run, 'ip', ['address', 'add', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo', ...options]);
  }
  for (const route of routes) {
    const family = familyOfText(route);
    // Without a source the node's own IPv4 connections into the range would come from the address they go to, and the
    // reset that answers them would itself be taken for traffic to the range.
    const source = family === 4 ? ['src', '127.0.0.1'] : [];
    runOrFail(run, 'ip', [`-${family}`, 'route', 'replace', 'local', route, 'dev', 'lo', ...source]);
  }
  return {
    addresses: addresses.filter((address) => !known.has(address) || before.addresses.includes(address)),
    routes,
  };
}

function removeLoopback(run: Run, added: Added): void {
  const routes = readRoutes(run).filter((route) => route.isLocal && route.interface === 'lo');
  for (const route of added.routes) {
    if (!routes.some(({ destination }) => destination === route)) continue;
    runOrFail(run, 'ip', [`-${familyOfText(route)}`, 'route', 'del', 'local', route, 'dev', 'lo', 'table', 'local']);
  }
  const addresses = readAddresses(run).filter((known) => known.interface === 'lo');
  for (const address of added.addresses) {
    if (!addresses.some((known) => known.address === address)) continue;
    runOrFail(run, 'ip', ['address', 'del', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo']);
  }
}

function applyRules(run: Run, plan: Plan, family: Family, backend: Backend): void {
  changeRules(run, family, backend, (existing) => renderRestore(plan, family, existing));
}

function removeRules(run: Run, family: Family, backend: Backend): void {
  changeRules(run, family, backend, (existing) => (hasOwnChains(existing) ? renderRemoval(existing) : null));
}

/** Reads, writes what `render` says is missing, and reads again until it says nothing is. */
function changeRules(
  run: Run,
  family: Family,
  backend: Backend,
  render: (existing: ExistingRules) => string | null,
): void {
  let refusal: unknown;
  let missing: string | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    missing = render(readExistingRules(run, family, backend));
    if (missing === null) return;
    try {
      // 30 s for the xtables lock, which kube-proxy holds while it writes tens of thousands of rules.
      runOrFail(run, iptablesCommand(family, backend, 'restore'), ['--noflush', '-w', '30'], missing);
      refusal = undefined;
    } catch (error) {
      refusal = error;
    }
  }
  if (refusal !== undefined) throw refusal;
  if (render(readExistingRules(run, family, backend)) === null) return;
  throw notKept(iptablesCommand(family, backend, 'restore'), missing ?? '');
}

function applyNftTable(run: Run, plan: Plan): void {
  if (plan.nftRules.length === 0) {
    if (hasNftTable(run)) runOrFail(run, 'nft', ['-f', '-'], renderNftRemoval());
    return;
  }
  // Always written: nft prints rules in its own words, which can't be compared, and replacing is one transaction.
  runOrFail(run, 'nft', ['-f', '-'], renderNftTable(plan.nftRules));
  const written = runOrFail(run, 'nft', ['list', 'table', 'inet', NFT_TABLE]).match(/ comment "leat: /g)?.length ?? 0;
  if (written !== plan.nftRules.length) throw notKept('nft', `${written} of ${plan.nftRules.length} rules are there`);
}

function hasNftTable(run: Run): boolean {
  const { status, stdout } = run('nft', ['list', 'tables']);
  return status === 0 && stdout.split('\n').includes(`table inet ${NFT_TABLE}`);
}

function destroySet(run: Run, name: string): void {
  for (let attempt = 1; ; attempt += 1) {
    const { status, stderr } = run('ipset', ['destroy', name]);
    if (status === 0) return;
    if (attempt === DESTROY_ATTEMPTS) {
      throw new InitError(EXIT_CODES.failed, [`the set ${name} can't be removed: ${stderr.trim()}`]);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DESTROY_PAUSE_MS);
  }
}

function notKept(command: string, missing: string): InitError {
  return new InitError(EXIT_CODES.failed, [
    `${command} said yes, but the node does not have it (does another program rewrite the rules?):\n${missing}`,
  ]);
}
