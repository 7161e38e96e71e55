// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { describeChange } from '../../../controller/cluster/cluster-writer.ts';
import { projectRole, projectRoleBinding } from '../../../controller/cluster/project-objects.ts';
import { secretsRule } from '../../../controller/cluster/secrets-rule.ts';
import { planEvents } from '../../../controller/reconcile/plan-events.ts';
import { type GrantInputs, planGrants } from '../../../controller/reconcile/plan-grants.ts';

const SETTINGS = { leatNamespace: 'leat-system', controllerAccount: 'leat-controller', daemonAccount: 'leat' };
const NAME = 'leat-labelled-secrets';
const OURS = { 'app.kubernetes.io/managed-by': 'leat-controller' };

interface Written {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly deletionTimestamp?: string;
}

const metadata = (name: string, { namespace = 'shop', labels = OURS, ...rest }: Written) => ({
  ...{ name, namespace, labels, uid: `${namespace}/${name}` },
  ...rest,
});

const bindingTo = (kind: string, name: string, account: string, written: Written = {}) =>
  projectRoleBinding({
    metadata: metadata(name, written),
    roleRef: { kind, name },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'leat-system' }],
  });
const reader = (written: Written = {}, account = 'leat-controller') =>
  bindingTo('ClusterRole', 'leat-secret-reader', account, written);
const binding = (written: Written = {}, account = 'leat') => bindingTo('Role', NAME, account, written);
const role = (names: readonly string[], written: Written = {}) =>
  projectRole({ metadata: metadata(NAME, written), rules: [secretsRule(names)] });

/** What is planned where the Secrets of `shop` are these; null: they are not known. */
function plan(secrets: readonly string[] | null, found: Partial<GrantInputs> = {}): string[] {
  const labelledSecrets = new Map([['leat-system', []], ...(secrets === null ? [] : [['shop', secrets] as const])]);
  const inputs = { namespaces: [], roleBindings: [reader()], roles: [], labelledSecrets, ...found };
  return planGrants(inputs, SETTINGS).map((change) => {
    const names = 'secrets' in change ? ` ${change.secrets.length > 3 ? change.secrets.length : change.secrets}` : '';
    return `${describeChange(change)}${names}`;
  });
}

test('a namespace that may be read gets a Role with the names of its labelled Secrets, and then its binding', (t) => {
  t.deepEqual(plan(['a', 'b']), [`create role shop/${NAME} a,b`, `create role binding shop/${NAME}`]);
  t.deepEqual(plan(['a', 'b'], { roles: [role(['a', 'b'])], roleBindings: [reader(), binding()] }), []);
  t.deepEqual(plan(['a'], { roles: [role(['a', 'b'])], roleBindings: [reader(), binding()] }), [
    `repair role shop/${NAME} a`,
  ]);
});

test('without a labelled Secret there is no Role: one without names would be about all Secrets', (t) => {
  t.deepEqual(plan([]), []);
  t.deepEqual(plan([], { roles: [role(['a'])], roleBindings: [reader(), binding()] }), [
    `delete role shop/${NAME}`,
    `delete role binding shop/${NAME}`,
  ]);
  t.throws(() => secretsRule([]), { message: /would be about all Secrets/ });
});

test('where Secrets are not known yet, what is given stays', (t) => {
  t.deepEqual(plan(null, { roles: [role(['a'])], roleBindings: [reader(), binding()] }), []);
});

test('a namespace that may not be read loses what it has, whoever it says may read it', (t) => {
  const given = { roles: [role(['a'])] };
  const gone = [`delete role shop/${NAME}`, `delete role binding shop/${NAME}`];
  t.deepEqual(plan(['a'], { ...given, roleBindings: [binding()] }), gone);
  t.deepEqual(plan(['a'], { ...given, roleBindings: [reader({}, 'leat'), binding()] }), gone);
  t.deepEqual(plan(['a'], { ...given, roleBindings: [reader({ labels: {} }), binding()] }), gone);
});

test('in a namespace that goes nothing is done', (t) => {
  const namespaces = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', deletionTimestamp: '2026-01-31T12:00:00Z' } },
  ] as const;
  t.deepEqual(plan(['a'], { namespaces }), []);
});

test("somebody else's Role is left alone, and a binding of ours to it goes", (t) => {
  const roles = [role(['a'], { labels: {} })];
  t.deepEqual(plan(['b'], { roles }), []);
  t.deepEqual(plan(['b'], { roles, roleBindings: [reader(), binding()] }), [`delete role binding shop/${NAME}`]);
});

test('rules, subjects and the role bound to are brought back to what they were', (t) => {
  const rules = [
    [secretsRule(['a']), { apiGroups: [''], resources: ['secrets'], verbs: ['list'] }],
    [{ ...secretsRule(['a']), verbs: ['list', 'watch', 'get'] }],
    [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }],
    [],
    null,
  ];
  for (const each of rules) {
    const roles = [projectRole({ metadata: metadata(NAME, {}), rules: each })];
    t.deepEqual(plan(['a'], { roles, roleBindings: [reader(), binding()] }), [`repair role shop/${NAME} a`]);
  }
  const roles = [role(['a'])];
  t.deepEqual(plan(['a'], { roles, roleBindings: [reader(), binding({}, 'intruder')] }), [
    `repair role binding shop/${NAME}`,
  ]);
  t.deepEqual(plan(['a'], { roles, roleBindings: [reader(), bindingTo('ClusterRole', NAME, 'leat')] }), [
    `delete role binding shop/${NAME}`,
  ]);
});

test('a Role has a thousand names at most, the first, and an event of the namespace says so', (t) => {
  const names = Array.from({ length: 1_200 }, (_, index) => `s${index + 1_000}`);
  t.deepEqual(plan(names)[0], `create role shop/${NAME} 1000`);
  const eventsWith = (secrets: readonly string[]) => {
    const namespaces = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', uid: 'u-1' } }] as const;
    const view = { pods: [], namespaces, labelledSecrets: new Map([['shop', secrets]]) };
    return planEvents(view, { problems: new Map() }, []);
  };
  const [event, ...others] = eventsWith(names);
  t.deepEqual(others, []);
  t.like(event, { reason: 'TooManySecrets', about: { kind: 'Namespace', name: 'shop', uid: 'u-1' } });
  t.regex(event?.message ?? '', /of 1200 Secrets .* the first 1000 by name/);
  t.deepEqual(eventsWith(names.slice(0, 1_000)), []);
});
