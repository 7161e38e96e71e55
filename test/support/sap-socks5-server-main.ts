// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { emit, readConfiguration, serve } from './node-server.ts';
import {
  encodeReply,
  judgeToken,
  type Parsed,
  parseAuthentication,
  parseGreeting,
  parseRequest,
  Refused,
  reply,
} from './sap-socks5-protocol.ts';
import type { SapSocks5Configuration } from './sap-socks5-server.ts';

const configuration = readConfiguration<SapSocks5Configuration>();

async function read<T>(
  client: Socket,
  parse: (bytes: Buffer) => Parsed<T>,
  stage: Refused['stage'],
  surplus: Buffer,
): Promise<T> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const parsed = parse(bytes);
    if (parsed !== null) {
      if (parsed.lengthBytes !== bytes.length) {
        throw new Refused(stage, `${bytes.length - parsed.lengthBytes} bytes before the server's answer`, surplus);
      }
      return parsed.value;
    }
    const chunk = client.read() as Buffer | null;
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    else if (client.readableEnded || client.destroyed)
      throw new Refused(stage, `the client left after ${bytes.length} bytes`, surplus);
    else await Promise.race([once(client, 'readable'), once(client, 'end'), once(client, 'close')]);
  }
}

async function handle(client: Socket): Promise<void> {
  await read(client, parseGreeting, 'greeting', Buffer.from([5, 0xff]));
  client.write(Buffer.from([5, 0x80]));
  const { token, locationId } = await read(client, parseAuthentication, 'authentication', Buffer.from([1, 1]));
  const { publicJwk, allowedClientId, subaccounts } = configuration;
  const subaccount = judgeToken(token, publicJwk, allowedClientId);
  client.write(Buffer.from([1, 0]));
  const { host, port } = await read(client, parseRequest, 'request', encodeReply(reply.failure));
  const locations = subaccounts === undefined ? configuration.locations : subaccounts[subaccount];
  const location = locations?.[locationId];
  const target = location?.[`${host}:${port}`];
  const code = location === undefined ? reply.locationUnknown : target === undefined ? reply.notExposed : reply.success;
  if (target === undefined) {
    emit('connect', { ...(subaccounts === undefined ? {} : { subaccount }), locationId, host, port, reply: code });
    client.end(encodeReply(code));
    return;
  }
  const backend = connect({ ...target, allowHalfOpen: true });
  try {
    await once(backend, 'connect');
  } catch {
    emit('connect', {
      ...(subaccounts === undefined ? {} : { subaccount }),
      locationId,
      host,
      port,
      reply: reply.backendUnreachable,
    });
    client.end(encodeReply(reply.backendUnreachable));
    return;
  }
  emit('connect', { ...(subaccounts === undefined ? {} : { subaccount }), locationId, host, port, reply: code });
  client.write(encodeReply(code));
  for (const [from, to] of [
    [client, backend],
    [backend, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroySoon());
  }
}

const server = createServer({ allowHalfOpen: true }, (client) => {
  client.on('error', () => client.destroy());
  handle(client).catch((error: unknown) => {
    const refused =
      error instanceof Refused ? error : new Refused('request', String(error), encodeReply(reply.failure));
    emit('refused', { stage: refused.stage, reason: refused.message });
    client.end(refused.answer);
  });
});

serve(server, configuration);
