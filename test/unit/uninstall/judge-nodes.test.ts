// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { type CleaningPod, judgeNodes } from '../../../uninstall/judge-nodes.ts';

const clean = (node: string): CleaningPod => ({ node, isGoing: true, isReady: true });
const busy = (node: string): CleaningPod => ({ node, isGoing: true, isReady: false });
const daemon = (node: string): CleaningPod => ({ node, isGoing: false, isReady: true });
const view = (pods: readonly CleaningPod[], readyNodes: readonly string[], desired = 2, isObserved = true) => ({
  desired,
  isObserved,
  readyNodes: new Set(readyNodes),
  pods,
});

test('done when every node is clean', (t) => {
  const verdict = judgeNodes(view([clean('a'), clean('b')], ['a', 'b']));
  t.deepEqual(verdict, { isDone: true, clean: ['a', 'b'], awaited: [], leftOut: [] });
});

test('waits for a ready node whose pod is still cleaning, or still the daemon', (t) => {
  const verdict = judgeNodes(view([busy('b'), daemon('a')], ['a', 'b']));
  t.false(verdict.isDone);
  t.deepEqual(verdict.awaited, ['a', 'b']);
});

test('waits for a node that has no pod at the moment', (t) => {
  t.false(judgeNodes(view([clean('a')], ['a', 'b'])).isDone);
});

test('does not wait for a node that is not ready, and names it', (t) => {
  const verdict = judgeNodes(view([clean('a'), daemon('b')], ['a']));
  t.true(verdict.isDone);
  t.deepEqual(verdict.leftOut, ['b']);
});

test('a daemon that is about to end beside its clean successor is not waited for', (t) => {
  t.true(judgeNodes(view([daemon('a'), clean('a'), clean('b')], ['a', 'b'])).isDone);
});

test('does not trust numbers from before the change', (t) => {
  t.false(judgeNodes(view([], ['a', 'b'], 0, false)).isDone);
});

test('a cluster without any node to serve is done', (t) => {
  t.true(judgeNodes(view([], [], 0)).isDone);
});
