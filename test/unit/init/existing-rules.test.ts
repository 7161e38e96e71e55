// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { canonicalRule, hasOwnChains, parseIptablesSave, splitTokens, targetOf } from '../../../init/existing-rules.ts';
import { printTokens } from '../../../init/render-restore.ts';

test('reads tables, chains and rules, and skips what it does not know', (t) => {
  const rules = parseIptablesSave(`# Warning: iptables-legacy tables present, use iptables-legacy-save to see them
*nat
:PREROUTING ACCEPT [12:3400]
:LEAT-DNS - [0:0]
-A PREROUTING -m comment --comment "say \\"hi\\" -j NOT" -j KUBE-SERVICES
[5:60] -A PREROUTING -j COUNTED
-A LEAT-DNS -p udp -j DNAT --to-destination 169.254.74.1:15053
COMMIT
*filter
:INPUT DROP [0:0]
COMMIT
`);
  t.deepEqual([...rules.keys()], ['nat', 'filter']);
  t.deepEqual(rules.get('nat')?.get('PREROUTING'), [
    ['-m', 'comment', '--comment', 'say "hi" -j NOT', '-j', 'KUBE-SERVICES'],
  ]);
  t.is(targetOf(rules.get('nat')?.get('PREROUTING')?.[0] ?? []), 'KUBE-SERVICES');
  t.true(hasOwnChains(rules));
  t.false(hasOwnChains(parseIptablesSave('*nat\n:KUBE-LEAT-X - [0:0]\nCOMMIT\n')));
});

const SAME: readonly [string, string][] = [
  ['-p tcp --dport 53 -j DROP', '-p tcp -m tcp --dport 53 -j DROP'],
  ['-d 10.0.0.1/32 -p udp -j X', '-p 17 -d 10.0.0.1 -j X'],
  ['-d fd00::1/128 -p ipv6-icmp -j X', '-d fd00::1 -p icmpv6 -j X'],
  ['-m conntrack --ctstate NEW -p tcp -j X', '-p tcp -m conntrack --ctstate NEW -j X'],
  ['-j X -m comment --comment word', '-m comment --comment "word" -j X'],
];
for (const [one, other] of SAME) {
  test(`takes for the same: ${one} | ${other}`, (t) => {
    t.is(canonicalRule(splitTokens(one)), canonicalRule(splitTokens(other)));
  });
}

const DIFFERENT: readonly [string, string][] = [
  ['! -i lo -j X', '-i lo -j X'],
  ['-d 10.0.0.0/24 -j X', '-d 10.0.0.0/32 -j X'],
  ['-m set --match-set a src -j X', '-m set ! --match-set a src -j X'],
  ['-m set --match-set a src -j X', '-m set --match-set a dst -j X'],
  ['-m comment --comment "-j DROP" -j X', '-m comment --comment "-j" -j DROP'],
];
for (const [one, other] of DIFFERENT) {
  test(`tells apart: ${one} | ${other}`, (t) => {
    t.not(canonicalRule(splitTokens(one)), canonicalRule(splitTokens(other)));
  });
}

test('what is printed is read back as it was', (t) => {
  const token = fc.string({ minLength: 1, unit: fc.constantFrom(...'aZ9 "\\-!.:/[]=,_$;') });
  fc.assert(
    fc.property(fc.array(token), (tokens) => {
      t.deepEqual(splitTokens(printTokens(tokens)), tokens);
    }),
  );
});

test('reads any text without failing', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'*:-A \n"\\LEAT') }), (text) => {
      for (const chains of parseIptablesSave(text).values()) {
        for (const rules of chains.values()) for (const rule of rules) canonicalRule(rule);
      }
    }),
  );
  t.pass();
});
