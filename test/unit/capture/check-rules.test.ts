// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { planRepair } from '../../../daemon/capture/check-rules.ts';

const JUMP = '-A PREROUTING -m comment --comment "leat: why" -j LEAT-PREROUTING';
const KUBE = '-A PREROUTING -j KUBE-SERVICES';
const RIVAL = / -j KUBE-SERVICES$/;

test('repairs nothing where the jump stands before its rival, or where there is none', (t) => {
  t.is(planRepair([JUMP, KUBE], RIVAL, 1), null);
  t.is(planRepair(['-A PREROUTING -j cali-PREROUTING', JUMP, KUBE], RIVAL, 1), null);
  t.is(planRepair(['-A PREROUTING -j OTHER', JUMP], RIVAL, 1), null);
});

test('moves the jump first, and makes one of several, with the words it had', (t) => {
  const body = '-m comment --comment "leat: why" -j LEAT-PREROUTING';
  t.is(planRepair([KUBE, JUMP], RIVAL, 1), `-D PREROUTING ${body}\n-I PREROUTING 1 ${body}\n`);
  t.is(
    planRepair([KUBE, JUMP, JUMP], RIVAL, 1),
    `-D PREROUTING ${body}\n-D PREROUTING ${body}\n-I PREROUTING 1 ${body}\n`,
  );
});

test('makes the jump anew where it is gone', (t) => {
  t.regex(planRepair([KUBE], RIVAL, 1) ?? '', /^-I PREROUTING 1 .* -j LEAT-PREROUTING\n$/);
});

const [UDP, TCP] = ['udp', 'tcp'].map(
  (protocol) => `-p ${protocol} -m ${protocol} --dport 53 -m comment --comment "leat: why" -j LEAT-PREROUTING`,
) as [string, string];

test('where there are to be two jumps, no rival stands before either, and their order is kept', (t) => {
  t.is(planRepair([`-A PREROUTING ${UDP}`, `-A PREROUTING ${TCP}`, KUBE], RIVAL, 2), null);
  t.is(
    planRepair([`-A PREROUTING ${UDP}`, KUBE, `-A PREROUTING ${TCP}`], RIVAL, 2),
    `-D PREROUTING ${UDP}\n-D PREROUTING ${TCP}\n-I PREROUTING 1 ${TCP}\n-I PREROUTING 1 ${UDP}\n`,
  );
});

test('where one of two is gone, one for every packet is put first, and that is enough', (t) => {
  const repair = planRepair([`-A PREROUTING ${TCP}`], RIVAL, 2) ?? '';
  t.regex(repair, /^-I PREROUTING 1 -m comment .* -j LEAT-PREROUTING\n$/);
  const put = repair.trim().replace('-I PREROUTING 1', '-A PREROUTING');
  t.is(planRepair([put, `-A PREROUTING ${TCP}`, KUBE], RIVAL, 2), null);
  t.is(planRepair([put], RIVAL, 2), null);
});
