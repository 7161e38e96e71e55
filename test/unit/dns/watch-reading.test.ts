// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { ReadingWatch } from '../../../daemon/dns/watch-reading.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';

const PEER = { address: '10.0.0.7', port: 40_000 };
const LOCAL = { address: '169.254.74.1', port: 15_053 };
const SERVER = { address: '10.96.0.10', port: 53 };

function startWatch() {
  const state = { works: true, nowMs: 0 };
  const watch = new ReadingWatch(
    () => {
      if (!state.works) throw new LeatError('ORIGINAL_DESTINATION_UNREADABLE', 'no entry');
      return SERVER;
    },
    () => state.nowMs,
  );
  const failTimes = (count: number) => {
    state.works = false;
    for (let time = 0; time < count; time++) {
      try {
        watch.read(PEER, LOCAL, 'udp');
      } catch {
        // The error itself is the reader's and was looked at elsewhere.
      }
    }
    state.works = true;
  };
  return { state, watch, failTimes };
}

test('passes on what is read, and the error where nothing is', (t) => {
  const { state, watch } = startWatch();
  t.is(watch.read(PEER, LOCAL, 'udp'), SERVER);
  state.works = false;
  t.throws(() => watch.read(PEER, LOCAL, 'udp'), { message: 'no entry' });
});

test('some failures in a row are ordinary, and a success forgets them', (t) => {
  const { watch, failTimes } = startWatch();
  failTimes(31);
  t.notThrows(() => watch.assertWorks());
  watch.read(PEER, LOCAL, 'udp');
  failTimes(31);
  t.notThrows(() => watch.assertWorks());
});

test('many failures in a row are not, until one is read or a minute has passed', (t) => {
  const { state, watch, failTimes } = startWatch();
  failTimes(32);
  t.throws(() => watch.assertWorks(), { message: /last 32 DNS queries can't be read/ });
  state.nowMs = 59_999;
  t.throws(() => watch.assertWorks());
  state.nowMs = 60_000;
  t.notThrows(() => watch.assertWorks());
  failTimes(1);
  t.throws(() => watch.assertWorks());
  watch.read(PEER, LOCAL, 'udp');
  t.notThrows(() => watch.assertWorks());
});
