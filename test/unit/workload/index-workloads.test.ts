// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import { namespace, nodePolicy, pod, resourceSet } from '../../support/resources.ts';

const node = { name: 'node-1', labels: {} };

function reasons({ problems }: Snapshot): string[] {
  return problems.map(({ resource, reason }) => `${resource} ${reason}`);
}

test('finds a pod by each of its addresses, however they are written', (t) => {
  const { workloads } = compileSnapshot(
    resourceSet({ namespaces: [namespace('shop')], pods: [pod('shop/a', ['10.0.0.5', 'FD00:0::5'])] }),
    node,
  );
  t.is(workloads.at('10.0.0.5')[0]?.name, 'a');
  t.is(workloads.at('fd00::5')[0]?.uid, 'uid-shop/a');
  t.is(workloads.at('fd00::5')[0]?.serviceAccount, 'default');
  t.deepEqual(workloads.at('10.0.0.6'), []);
});

test('gives all live pods of one address: who it is, is then unknown', (t) => {
  const { workloads } = compileSnapshot(
    resourceSet({ pods: [pod('shop/a', ['10.0.0.5']), pod('crm/b', ['10.0.0.5'])] }),
    node,
  );
  t.is(workloads.at('10.0.0.5').length, 2);
});

test('gives the address of a finished pod to its successor alone', (t) => {
  const { workloads } = compileSnapshot(
    resourceSet({
      namespaces: [namespace('shop')],
      pods: [
        pod('shop/job', ['10.0.0.5'], { phase: 'Succeeded' }),
        pod('shop/dead', ['10.0.0.5'], { phase: 'Failed' }),
        pod('shop/next', ['10.0.0.5']),
      ],
    }),
    node,
  );
  t.deepEqual(
    workloads.at('10.0.0.5').map(({ name }) => name),
    ['next'],
  );
  t.deepEqual(workloads.awaited, []);
});

test("leaves pods of other nodes out, and counts pods without a node as this one's", (t) => {
  const { workloads } = compileSnapshot(
    resourceSet({
      pods: [
        pod('shop/here', ['10.0.0.5'], { nodeName: 'node-1' }),
        pod('shop/there', ['10.0.0.6'], { nodeName: 'node-2' }),
        pod('shop/file', ['10.0.0.7']),
      ],
    }),
    node,
  );
  t.deepEqual(
    [...workloads.all()].map(({ name }) => name),
    ['here', 'file'],
  );
});

test('awaits the address of an enrolled pod, not of any other', (t) => {
  const awaits = (name: string, options = {}): boolean =>
    compileSnapshot(resourceSet({ namespaces: [namespace('shop')], pods: [pod(name, [], options)] }), node).workloads
      .awaited.length > 0;
  t.true(awaits('shop/new', { phase: 'Pending' }));
  t.false(awaits('other/new', { phase: 'Pending' }));
  t.false(awaits('shop/done', { phase: 'Succeeded' }));
  t.false(awaits('shop/host', { hostNetwork: true }));
});

test('never takes the addresses of the node for those of a hostNetwork pod, and says that it is not captured', (t) => {
  const snapshot = compileSnapshot(
    resourceSet({ namespaces: [namespace('shop')], pods: [pod('shop/agent', ['192.0.2.10'], { hostNetwork: true })] }),
    node,
  );
  t.deepEqual(snapshot.workloads.at('192.0.2.10'), []);
  t.deepEqual(reasons(snapshot), ['Pod shop/agent HostNetwork']);
});

test('passes over an address that is none, and says so', (t) => {
  const snapshot = compileSnapshot(resourceSet({ pods: [pod('shop/a', ['10.0.0.500', '10.0.0.5'])] }), node);
  t.deepEqual(snapshot.workloads.at('10.0.0.5')[0]?.addresses, ['10.0.0.5']);
  t.deepEqual(reasons(snapshot), ['Pod shop/a AddressInvalid']);
});

const enabled = { 'leat.dev/intercept': 'enabled' };
const disabled = { 'leat.dev/intercept': 'disabled' };
const closedTo = (name: string) =>
  nodePolicy('p', { rules: [{ name: 'r', namespaces: { names: [name] }, admit: false }] });
const optOut = nodePolicy('p', { optOut: 'Allowed' });

const enrolments = [
  { it: 'by its namespace', in: 'shop', ns: enabled, pod: {}, enrolled: true, problem: null },
  { it: 'by its own label', in: 'shop', ns: {}, pod: enabled, enrolled: true, problem: null },
  { it: 'without any label', in: 'shop', ns: {}, pod: {}, enrolled: false, problem: null },
  {
    it: 'with a label of another value',
    in: 'shop',
    ns: { 'leat.dev/intercept': 'true' },
    pod: {},
    enrolled: false,
    problem: null,
  },
  { it: 'in kube-system', in: 'kube-system', ns: enabled, pod: enabled, enrolled: false, problem: 'NeverEnrolled' },
  {
    it: "in Leat's own namespace",
    in: 'leat-system',
    ns: enabled,
    pod: enabled,
    enrolled: false,
    problem: 'NeverEnrolled',
  },
  {
    it: 'in a namespace that is not admitted',
    in: 'shop',
    ns: enabled,
    pod: {},
    policy: closedTo('shop'),
    enrolled: false,
    problem: 'NamespaceNotAdmitted',
  },
  {
    it: 'by its own label in a namespace that is not admitted',
    in: 'shop',
    ns: {},
    pod: enabled,
    policy: closedTo('shop'),
    enrolled: false,
    problem: 'NamespaceNotAdmitted',
  },
  {
    it: 'beside a namespace that is not admitted',
    in: 'crm',
    ns: enabled,
    pod: {},
    policy: closedTo('shop'),
    enrolled: true,
    problem: null,
  },
  {
    it: 'that opts out where nothing allows it',
    in: 'shop',
    ns: enabled,
    pod: disabled,
    enrolled: true,
    problem: 'OptOutForbidden',
  },
  {
    it: 'that opts out where it is allowed',
    in: 'shop',
    ns: enabled,
    pod: disabled,
    policy: optOut,
    enrolled: false,
    problem: null,
  },
];

for (const { it, problem, enrolled, ...given } of enrolments) {
  test(`a pod ${it} is ${enrolled ? '' : 'not '}enrolled${problem === null ? '' : `, with the problem ${problem}`}`, (t) => {
    const snapshot = compileSnapshot(
      resourceSet({
        namespaces: [namespace(given.in, given.ns)],
        pods: [pod(`${given.in}/a`, ['10.0.0.5'], { labels: given.pod })],
        nodePolicies: given.policy === undefined ? [] : [given.policy],
      }),
      node,
    );
    t.is(snapshot.workloads.at('10.0.0.5')[0]?.enrolled, enrolled);
    t.deepEqual(reasons(snapshot), problem === null ? [] : [`Pod ${given.in}/a ${problem}`]);
  });
}
