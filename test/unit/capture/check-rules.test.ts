// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { planRepair } from '../../../daemon/capture/check-rules.ts';

const JUMP = '-A PREROUTING -m comment --comment "leat: why" -j LEAT-PREROUTING';
const KUBE = '-A PREROUTING -j KUBE-SERVICES';
const RIVAL = / -j KUBE-SERVICES$/;

test('repairs nothing where the jump stands before its rival, or where there is none', (t) => {
  t.is(planRepair([JUMP, KUBE], RIVAL), null);
  t.is(planRepair(['-A PREROUTING -j cali-PREROUTING', JUMP, KUBE], RIVAL), null);
  t.is(planRepair(['-A PREROUTING -j OTHER', JUMP], RIVAL), null);
});

test('moves the jump first, and makes one of several, with the words it had', (t) => {
  const body = '-m comment --comment "leat: why" -j LEAT-PREROUTING';
  t.is(planRepair([KUBE, JUMP], RIVAL), `-D PREROUTING ${body}\n-I PREROUTING 1 ${body}\n`);
  t.is(
    planRepair([KUBE, JUMP, JUMP], RIVAL),
    `-D PREROUTING ${body}\n-D PREROUTING ${body}\n-I PREROUTING 1 ${body}\n`,
  );
});

test('makes the jump anew where it is gone', (t) => {
  t.regex(planRepair([KUBE], RIVAL) ?? '', /^-I PREROUTING 1 .* -j LEAT-PREROUTING\n$/);
});
