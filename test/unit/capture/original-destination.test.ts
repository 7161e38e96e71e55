// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import test from 'ava';
import { createReadOriginalDestination } from '../../../daemon/capture/original-destination.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';

const read = createReadOriginalDestination(['169.254.74.1']);

test('a connection that was not redirected is refused, whether conntrack knows it or not', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect(port, '127.0.0.1');
  t.teardown(() => client.destroy());
  const [accepted] = await once(server, 'connection');
  t.teardown(() => accepted.destroy());
  const error = t.throws(() => read(accepted), { instanceOf: LeatError });
  t.true(['SELF_CALL', 'ORIGINAL_DESTINATION_UNREADABLE'].includes((error as LeatError).code));
});

test('a connection that is gone already is unreadable, not a crash', (t) => {
  t.throws(() => read(new Socket()), { code: 'ORIGINAL_DESTINATION_UNREADABLE', message: /closed already/ });
});
