// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { namespaceLabels, selectNamespaces } from '../../../daemon/workload/select-namespaces.ts';
import { namespace } from '../../support/resources.ts';

const labelsOf = namespaceLabels([namespace('shop', { team: 'a' }), namespace('crm', { team: 'b' })]);

test('selects all, by names, or by labels', (t) => {
  t.true(selectNamespaces({ all: true }, labelsOf)('crm'));
  t.deepEqual(['shop', 'crm'].filter(selectNamespaces({ names: ['shop'] }, labelsOf)), ['shop']);
  t.deepEqual(['shop', 'crm'].filter(selectNamespaces({ selector: { matchLabels: { team: 'b' } } }, labelsOf)), [
    'crm',
  ]);
});

test("knows the label of the name that every API server sets, and a Namespace can't pretend another", (t) => {
  const selects = selectNamespaces({ selector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }, labelsOf);
  t.true(selects('shop'));
  const lying = namespaceLabels([namespace('evil', { 'kubernetes.io/metadata.name': 'shop' })]);
  t.false(selectNamespaces({ selector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }, lying)('evil'));
});

test('selects nothing where no field or more than one is given', (t) => {
  t.false(selectNamespaces({}, labelsOf)('shop'));
  t.false(selectNamespaces({ all: true, names: ['crm'] }, labelsOf)('shop'));
  t.false(selectNamespaces({ selector: {} }, labelsOf)('shop'));
});
