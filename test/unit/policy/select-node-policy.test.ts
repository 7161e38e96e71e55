// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { selectNodePolicy } from '../../../daemon/policy/select-node-policy.ts';
import { nodePolicy } from '../../support/resources.ts';

const chosen = (...policies: Parameters<typeof selectNodePolicy>[0]) =>
  selectNodePolicy(policies, { zone: 'a' })?.metadata.name;

test('takes the highest priority, then the oldest, then the lesser name', (t) => {
  t.is(chosen(nodePolicy('a'), nodePolicy('b', { priority: 5, created: '2026-06-01T00:00:00Z' })), 'b');
  t.is(chosen(nodePolicy('a', { created: '2026-02-01T00:00:00Z' }), nodePolicy('b')), 'b');
  t.is(chosen(nodePolicy('b'), nodePolicy('a')), 'a');
});

test('takes a creation time that is missing for the youngest', (t) => {
  t.is(chosen(nodePolicy('a', { created: '' }), nodePolicy('b')), 'b');
});

test('passes over policies of other nodes, and those that do not say which', (t) => {
  t.is(chosen(nodePolicy('a', { nodes: { selector: { matchLabels: { zone: 'b' } } } })), undefined);
  t.is(chosen(nodePolicy('a', { nodes: { selector: { matchLabels: { zone: 'a' } } } })), 'a');
  t.is(chosen(nodePolicy('a', { nodes: {} })), undefined);
  t.is(chosen(nodePolicy('a', { nodes: { selector: {} } })), undefined);
  t.is(chosen(nodePolicy('a', { nodes: { all: true, selector: { matchLabels: { zone: 'a' } } } })), undefined);
});
