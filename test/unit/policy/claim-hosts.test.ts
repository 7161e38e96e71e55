// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import type { NodePolicySpec } from '../../../api/kinds/node-policy.ts';
import { patternCovers } from '../../../daemon/destination/host-pattern.ts';
import { compileClaims } from '../../../daemon/policy/claim-hosts.ts';

type Rules = NonNullable<NodePolicySpec['hosts']>;
type Action = 'Allow' | 'Deny';

const all = { all: true } as const;
const rule = (action: Action, hosts: string[], namespaces: Rules[number]['namespaces'] = all) => ({
  action,
  hosts,
  namespaces,
});

function mayClaim(rules: Rules, namespace: string | null, host: string): boolean {
  const facts = { clusterDomain: 'cluster.local', endpointNames: new Set(['socks.platform.example']) };
  return compileClaims(rules, () => ({}), facts)(namespace, host).allowed;
}

const RESERVED = [
  '*',
  'cluster.local',
  'kubernetes.default.svc.cluster.local',
  '*.shop.svc.cluster.local',
  '*.cluster.local',
  'erp.shop.svc',
  '*.svc',
  'erp',
  'localhost',
  'a.localhost',
  '10.1.2.3',
  '169.254.169.254',
  '10.1',
  '0x7f.1',
  '1.2.3.010',
  '*.3',
  'fd00::1',
  'self-test.leat.invalid',
  '*.leat.invalid',
  'socks.platform.example',
];

for (const host of RESERVED) {
  test(`does not let ${host} be claimed where no rule allows it`, (t) => {
    t.false(mayClaim([], 'shop', host));
    t.false(mayClaim([], null, host));
  });

  if (host !== '*') {
    test(`does not let a broad rule open ${host}`, (t) => {
      t.false(mayClaim([rule('Allow', ['*', '*.local', '*.example'])], 'shop', host));
    });
  }
}

test('lets every other name be claimed where no rule says otherwise', (t) => {
  for (const host of ['erp.corp.internal', '*.corp.internal', 'api.example.com', '*.com', 'x.local', '*.local']) {
    t.true(mayClaim([], 'shop', host), host);
  }
});

test('opens a reserved name by a rule that is no broader than it', (t) => {
  t.true(mayClaim([rule('Allow', ['*'])], 'shop', '*'));
  t.true(mayClaim([rule('Allow', ['10.1.2.3'])], 'shop', '10.1.2.3'));
  t.true(mayClaim([rule('Allow', ['erp'])], 'shop', 'erp'));
  t.true(mayClaim([rule('Allow', ['*.legacy.svc.cluster.local'])], 'shop', 'erp.legacy.svc.cluster.local'));
  t.false(mayClaim([rule('Allow', ['*.legacy.svc.cluster.local'])], 'shop', 'erp.shop.svc.cluster.local'));
});

test("never opens Leat's own names", (t) => {
  t.false(mayClaim([rule('Allow', ['self-test.leat.invalid', '*.leat.invalid'])], 'shop', 'self-test.leat.invalid'));
});

test('the first rule that selects the namespace and covers the claim decides', (t) => {
  const rules = [
    rule('Allow', ['erp.corp.internal'], { names: ['shop'] }),
    rule('Deny', ['*.corp.internal']),
    rule('Allow', ['*.internal']),
  ];
  t.true(mayClaim(rules, 'shop', 'erp.corp.internal'));
  t.false(mayClaim(rules, 'crm', 'erp.corp.internal'));
  t.false(mayClaim(rules, 'shop', 'crm.corp.internal'));
  t.false(mayClaim(rules, 'shop', '*.corp.internal'));
  t.true(mayClaim(rules, 'crm', 'db.internal'));
});

test('a closed list: what is not allowed before "Deny *" is denied', (t) => {
  const rules = [rule('Allow', ['*.shop.example'], { names: ['shop'] }), rule('Deny', ['*'])];
  t.true(mayClaim(rules, 'shop', 'api.shop.example'));
  t.false(mayClaim(rules, 'shop', 'api.example.com'));
  t.false(mayClaim(rules, 'shop', '10.1.2.3'));
});

test('a wildcard claim passes a Deny inside it, but the denied name does not', (t) => {
  const rules = [rule('Deny', ['erp.internal'])];
  t.true(mayClaim(rules, 'shop', '*.internal'));
  t.false(mayClaim(rules, 'shop', 'erp.internal'));
  t.true(mayClaim(rules, 'shop', 'crm.internal'));
});

test('cluster kinds claim what is denied to namespaces', (t) => {
  const rules = [rule('Deny', ['*.corp.internal'])];
  t.false(mayClaim(rules, 'shop', 'erp.corp.internal'));
  t.true(mayClaim(rules, null, 'erp.corp.internal'));
});

test('a rule for one namespace opens nothing to cluster kinds', (t) => {
  t.false(mayClaim([rule('Allow', ['erp'], { names: ['shop'] })], null, 'erp'));
  t.true(mayClaim([rule('Allow', ['erp'])], null, 'erp'));
});

test('rules decide as a scan of them in order does', (t) => {
  const label = fc.constantFrom('a', 'b', 'c');
  const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'));
  const pattern = fc.tuple(fc.boolean(), name).map(([wild, text]) => (wild ? `*.${text}` : text));
  const someRule = fc.record({
    action: fc.constantFrom<Action>('Allow', 'Deny'),
    hosts: fc.array(pattern, { minLength: 1, maxLength: 3 }),
    namespaces: fc.constantFrom<Rules[number]['namespaces']>(all, { names: ['shop'] }, { names: ['crm'] }),
  });
  fc.assert(
    fc.property(fc.array(someRule, { maxLength: 6 }), pattern, (rules, claim) => {
      const selects = ({ namespaces }: Rules[number]) => namespaces.all || namespaces.names?.includes('shop');
      const first = rules.find((one) => selects(one) && one.hosts.some((outer) => patternCovers(outer, claim)));
      t.is(mayClaim(rules, 'shop', claim), first?.action !== 'Deny');
    }),
  );
});
