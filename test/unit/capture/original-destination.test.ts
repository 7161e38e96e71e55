// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:net';
import test from 'ava';
import { createReadOriginalDestination } from '../../../daemon/capture/original-destination.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { socketPair } from '../../support/loopback-sockets.ts';

const read = createReadOriginalDestination(['169.254.74.1']);

test('a connection that was not redirected is refused, whether conntrack knows it or not', async (t) => {
  const [, accepted] = await socketPair(t);
  const error = t.throws(() => read(accepted), { instanceOf: LeatError });
  t.true(['SELF_CALL', 'ORIGINAL_DESTINATION_UNREADABLE'].includes((error as LeatError).code));
});

test('a connection that is gone already is unreadable, not a crash', (t) => {
  t.throws(() => read(new Socket()), { code: 'ORIGINAL_DESTINATION_UNREADABLE', message: /closed already/ });
});
