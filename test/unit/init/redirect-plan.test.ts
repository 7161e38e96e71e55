// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { describePlan } from '../../../init/describe-plan.ts';
import { parseIptablesSave } from '../../../init/existing-rules.ts';
import { renderNftTable } from '../../../init/nft-table.ts';
import { parseOptions } from '../../../init/options.ts';
import { type PlanFacts, planRedirect } from '../../../init/redirect-plan.ts';
import { printTokens, renderRemoval, renderRestore } from '../../../init/render-restore.ts';
import type { Plan } from '../../../init/rule.ts';

const FACTS: PlanFacts = {
  addresses: [
    { interface: 'lo', address: '127.0.0.1' },
    { interface: 'eth0', address: '192.168.0.9' },
    { interface: 'cni0', address: '10.1.0.1' },
    { interface: 'cni0', address: 'fe80::1' },
    { interface: 'cni0', address: 'fd00:1::1' },
    { interface: 'veth6', address: 'fd00:1::99' },
  ],
  isIpv6On: true,
  nat: 'iptables',
};

function plan(args: readonly string[] = [], facts: Partial<PlanFacts> = {}): Plan {
  const options = parseOptions(['--pod-ranges=10.1.0.0/16,fd00:1::/64', ...args], {});
  if (options === null) throw new Error('help');
  return planRedirect(options, { ...FACTS, ...facts });
}

function chain(of: Plan, family: 4 | 6, table: string, name: string): readonly string[] {
  return of.rules
    .filter((rule) => rule.family === family && rule.table === table && rule.chain === name)
    .map((rule) => printTokens([...rule.matches, ...rule.target]));
}

test('the nat rules stand in the order in which they have to be asked', (t) => {
  const dns = (protocol: string) =>
    `-p ${protocol} -m ${protocol} --dport 53 -m set --match-set leat-alive dst -m set --match-set leat-ranges4 src -m set ! --match-set leat-skip4 src`;
  t.deepEqual(chain(plan(), 4, 'nat', 'LEAT-PREROUTING'), [
    `${dns('udp')} -j LEAT-DNS`,
    `${dns('tcp')} -j LEAT-DNS`,
    '-d 169.254.74.1/32 -j RETURN',
    '-d 240.240.0.0/16 -p tcp -j LEAT-CAPTURE',
    '-p tcp -m set --match-set leat-services4 dst -j LEAT-CAPTURE',
    '-m set ! --match-set leat-pods4 src -j RETURN',
    '-m set --match-set leat-except4 dst -j RETURN',
    '-p tcp -m set --match-set leat-cidrs4 dst -j LEAT-CAPTURE',
    '-p tcp -m set --match-set leat-deny4 src -j LEAT-CAPTURE',
    '-p tcp -m set --match-set leat-known4 dst,dst -j LEAT-CAPTURE',
  ]);
  t.deepEqual(
    chain(plan(['--dns-zone=9']), 4, 'raw', 'LEAT-PREROUTING'),
    ['udp', 'tcp'].map((protocol) => `${dns(protocol)} -j CT --zone-orig 9`),
  );
});

test('REDIRECT is for interfaces with an address of the pod ranges, per family; DNAT for all others', (t) => {
  t.deepEqual(chain(plan(), 4, 'nat', 'LEAT-CAPTURE'), [
    '-i cni0 -p tcp -j REDIRECT --to-ports 15001',
    '-p tcp -j DNAT --to-destination 169.254.74.1:15001',
  ]);
  t.deepEqual(chain(plan(), 6, 'nat', 'LEAT-CAPTURE'), [
    '-i cni0 -p tcp -j REDIRECT --to-ports 15001',
    '-i veth6 -p tcp -j REDIRECT --to-ports 15001',
    '-p tcp -j DNAT --to-destination [fd6c:6561:7400::1]:15001',
  ]);
  t.deepEqual(chain(plan(['--target=dnat', '--capture-port=7']), 4, 'nat', 'LEAT-CAPTURE'), [
    '-p tcp -j DNAT --to-destination 169.254.74.1:7',
  ]);
  t.deepEqual(chain(plan(['--target=redirect']), 6, 'nat', 'LEAT-CAPTURE'), ['-p tcp -j REDIRECT --to-ports 15001']);
});

test('without IPv6 nothing of IPv6 is planned', (t) => {
  const planned = plan([], { isIpv6On: false });
  t.false(
    [...planned.rules, ...planned.jumps, ...planned.addresses, ...planned.routes].some(({ family }) => family === 6),
  );
  t.deepEqual(
    planned.sets.filter(({ name }) => name.endsWith('6')),
    [],
  );
});

test('beside kube-proxy in nft mode the nat table of iptables is left alone', (t) => {
  const planned = plan([], { nat: 'nft-table' });
  t.false([...planned.rules, ...planned.jumps].some(({ table }) => table === 'nat'));
  t.true(
    chain(planned, 4, 'mangle', 'LEAT-PREROUTING').includes(
      '-p tcp -m conntrack --ctstate NEW -m set --match-set leat-deny4 src -j MARK --set-xmark 0x1000/0x1000',
    ),
  );
  const table = renderNftTable(planned.nftRules);
  t.regex(table, /type nat hook prerouting priority -105;/);
  t.regex(table, /iifname "cni0" meta l4proto tcp counter redirect to :15001/);
  t.regex(table, /meta mark & 0x00001000 == 0x00001000 meta mark set meta mark & 0xffffefff/);
});

for (const nat of ['iptables', 'nft-table'] as const) {
  test(`every rule says why, within what iptables and nft can keep (${nat})`, (t) => {
    const planned = plan([], { nat });
    for (const { comment } of [...planned.rules, ...planned.jumps]) {
      t.regex(comment, /^leat: [ -~]{5,234}$/);
      t.notRegex(comment, /["'`\\]/);
    }
    for (const { comment } of planned.nftRules) t.true(comment.startsWith('leat: ') && comment.length <= 128, comment);
    const text = describePlan(planned);
    for (const { comment } of [...planned.rules, ...planned.nftRules]) t.true(text.includes(`# ${comment}`));
  });
}

test('own chains are short enough for iptables, and every chain that is entered exists', (t) => {
  for (const nat of ['iptables', 'nft-table'] as const) {
    const planned = plan([], { nat });
    const chains = new Set(planned.rules.map((rule) => `${rule.family}${rule.table}${rule.chain}`));
    for (const rule of planned.rules) {
      t.true(rule.chain.length <= 28 && rule.chain.startsWith('LEAT-'));
      const entered = rule.target[1] ?? '';
      if (entered.startsWith('LEAT-')) t.true(chains.has(`${rule.family}${rule.table}${entered}`), entered);
    }
    for (const jump of planned.jumps) t.true(chains.has(`${jump.family}${jump.table}${jump.chain}`), jump.chain);
  }
});

/** What iptables-save would print after the document was taken by an empty node. */
function saveAfter(document: string): string {
  const builtIns = ':PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n';
  return document.replace(/^(\*\w+\n)/gm, `$1${builtIns}`).replace(/^-I (\w+) 1 /gm, '-A $1 ');
}

test('nothing is written where nothing is missing, and a removal removes all of it', (t) => {
  const planned = plan();
  const document = renderRestore(planned, 4, new Map()) ?? '';
  const existing = parseIptablesSave(saveAfter(document));
  t.is(renderRestore(planned, 4, existing), null);
  const removal = renderRemoval(existing) ?? '';
  t.is(removal.match(/^-X LEAT-/gm)?.length, document.match(/^:LEAT-/gm)?.length);
  t.is(removal.match(/^-D /gm)?.length, 4);
  t.is(
    renderRemoval(parseIptablesSave('*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j KUBE-SERVICES\nCOMMIT\n')),
    null,
  );
});

test('a document touches only the table and the chain that differ', (t) => {
  const planned = plan();
  const whole = saveAfter(renderRestore(planned, 4, new Map()) ?? '');
  const damaged = whole.replace(/^-A LEAT-CAPTURE -i cni0.*\n/m, '');
  const repair = renderRestore(planned, 4, parseIptablesSave(damaged)) ?? '';
  t.deepEqual(repair.match(/^[*:].*$/gm), ['*nat', ':LEAT-CAPTURE - [0:0]']);
  t.notRegex(repair, /^-[ID]/m);
});

test('a jump behind a rule of others moves to the front with its like; the rule of others stays', (t) => {
  const planned = plan();
  const whole = saveAfter(renderRestore(planned, 4, new Map()) ?? '');
  const behind = whole.replace(
    /^(-A PREROUTING -p udp .*NOTRACK.*)$/m,
    '-A PREROUTING -p udp --dport 53 -j CT --notrack\n$1',
  );
  t.not(behind, whole);
  const repair = renderRestore(planned, 4, parseIptablesSave(behind)) ?? '';
  t.deepEqual(
    repair.split('\n').map((line) => line.replace(/ -m comment.*-j/, ' -j')),
    [
      '*raw',
      ...['-D PREROUTING', '-I PREROUTING 1'].flatMap((place) =>
        ['tcp', 'udp'].map((protocol) => `${place} -p ${protocol} -m ${protocol} --dport 53 -j LEAT-PREROUTING`),
      ),
      'COMMIT',
      '',
    ],
  );
});

test('a packet that is none of ours meets a comparison, and no set and no chain: only a first packet of nat does', (t) => {
  const jumps = (table: string, nat: PlanFacts['nat']) =>
    plan([], { nat })
      .jumps.filter(
        (jump) => jump.family === 4 && jump.table === table && !jump.isMadeByDaemon && jump.from !== 'INPUT',
      )
      .map(({ from, matches, chain: entered }) => `${from} ${printTokens([...matches, '-j', entered])}`);
  for (const nat of ['iptables', 'nft-table'] as const) {
    t.deepEqual(
      jumps('raw', nat),
      ['udp', 'tcp'].map((protocol) => `PREROUTING -p ${protocol} -m ${protocol} --dport 53 -j LEAT-PREROUTING`),
    );
    t.deepEqual(jumps('filter', nat), []);
  }
  t.deepEqual(jumps('mangle', 'nft-table'), ['PREROUTING -p tcp -m conntrack --ctstate NEW -j LEAT-PREROUTING']);
  t.deepEqual(jumps('nat', 'iptables'), ['PREROUTING -j LEAT-PREROUTING']);
});

test('the jump of Deny is not made, but kept where the daemon made it, and that of an older version is put right', (t) => {
  const planned = plan();
  const document = renderRestore(planned, 4, new Map()) ?? '';
  t.notRegex(document, /^-I FORWARD/m);
  const jump =
    '-A FORWARD -m set --match-set leat-deny4 src -m comment --comment "leat: default action Deny" -j LEAT-FORWARD';
  const old = '-A FORWARD -m comment --comment "leat: default action Deny" -j LEAT-FORWARD';
  const withJump = (line: string) =>
    parseIptablesSave(saveAfter(document).replace(/^(-A LEAT-FORWARD)/m, `${line}\n$1`));
  t.is(renderRestore(planned, 4, withJump(jump)), null);
  t.deepEqual(renderRestore(planned, 4, withJump(old))?.split('\n'), [
    '*filter',
    old.replace('-A', '-D'),
    jump.replace('-A FORWARD', '-I FORWARD 1'),
    'COMMIT',
    '',
  ]);
});
