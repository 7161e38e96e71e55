// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { compileNodePolicy } from '../../../daemon/policy/compile-node-policy.ts';
import type { ResourceProblem } from '../../../daemon/routing/snapshot.ts';
import { namespaceLabels } from '../../../daemon/workload/select-namespaces.ts';
import { namespace, nodePolicy } from '../../support/resources.ts';

const labelsOf = namespaceLabels([namespace('shop', { team: 'a' })]);
const reserved = { clusterDomain: 'cluster.local', endpointNames: new Set<string>() };

function compile(resource: Parameters<typeof compileNodePolicy>[0]) {
  const problems: ResourceProblem[] = [];
  const policy = compileNodePolicy(resource, labelsOf, reserved, (problem) => problems.push(problem));
  return { policy, problems };
}

test('without a NodePolicy, admits and lets other traffic pass, forbids opting out, and fails closed for known hosts', (t) => {
  const { policy } = compile(null);
  t.like(policy.forNamespace('shop'), {
    rule: 'built-in',
    admit: true,
    defaultAction: 'Allow',
    optOut: 'Forbidden',
    accessLog: 'All',
  });
  t.is(policy.failure, 'ClosedKnown');
});

test('the first rule that selects a namespace replaces the fields it gives, and no others', (t) => {
  const { policy } = compile(
    nodePolicy('base', {
      defaultAction: 'Deny',
      optOut: 'Allowed',
      rules: [
        { name: 'web', namespaces: { selector: { matchLabels: { team: 'a' } } }, defaultAction: 'Allow' },
        { name: 'later', namespaces: { names: ['shop'] }, optOut: 'Forbidden' },
      ],
    }),
  );
  t.like(policy.forNamespace('shop'), { rule: 'base/web', defaultAction: 'Allow', optOut: 'Allowed' });
  t.like(policy.forNamespace('crm'), { rule: 'base', defaultAction: 'Deny', optOut: 'Allowed' });
});

test('a range that can not be read opens nothing, and as a denial denies every address', (t) => {
  const bad = { cidr: '999.0.0.0/8' };
  const { policy, problems } = compile(
    nodePolicy('base', { capture: { cidrs: [bad.cidr, '10.0.0.0/8'] }, upstreams: { allow: [bad], deny: [bad] } }),
  );
  t.deepEqual(policy.captureCidrs, ['10.0.0.0/8']);
  t.deepEqual(policy.upstreamAllow, []);
  t.deepEqual(
    policy.upstreamDeny.map(({ cidr }) => cidr),
    ['0.0.0.0/0', '::/0'],
  );
  t.deepEqual(
    problems.map(({ resource, reason }) => `${resource} ${reason}`),
    ['NodePolicy base RangeInvalid', 'NodePolicy base RangeInvalid', 'NodePolicy base RangeInvalid'],
  );
});
