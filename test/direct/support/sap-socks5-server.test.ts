// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createLab } from '../../support/lab.ts';
import { startNginx } from '../../support/nginx.ts';
import { startOAuthServer } from '../../support/oauth-server.ts';
import { type SapSocks5Server, startSapSocks5Server } from '../../support/sap-socks5-server.ts';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const greeting = '050180';

function jwt(claims: object, key: KeyObject = keys.privateKey, algorithm = 'RS256'): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${encode({ alg: algorithm })}.${encode(claims)}`;
  return `${head}.${sign('sha256', Buffer.from(head), key).toString('base64url')}`;
}

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const good = () => jwt({ client_id: 'cp', exp: inAnHour() });

function authentication(token: string, location: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(token.length);
  const encoded = Buffer.from(location);
  return `01${length.toString('hex')}${Buffer.from(token).toString('hex')}${Buffer.from([encoded.length]).toString('hex')}${encoded.toString('hex')}`;
}

function request(host: string, port: number): string {
  const bytes = Buffer.from([5, 1, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 255]);
  return bytes.toString('hex');
}

async function start(t: ExecutionContext): Promise<SapSocks5Server> {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const nginx = await startNginx(lab.loopback);
  return startSapSocks5Server(lab.loopback, {
    publicJwk: keys.publicKey.export({ format: 'jwk' }),
    allowedClientId: 'cp',
    locations: {
      '': { 'erp.corp.internal:8080': { host: '127.0.0.1', port: nginx.port } },
      'plant/é': {
        'erp.corp.internal:8080': { host: '127.0.0.1', port: nginx.port },
        'dead:1': { host: '127.0.0.1', port: 1 },
      },
    },
  });
}

/** Sends each message and returns, in hex, what came back after each; `end` where the server closed. */
async function talk(t: ExecutionContext, port: number, ...messages: string[]): Promise<string[]> {
  const socket: Socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  const answers: string[] = [];
  for (const message of messages) {
    socket.write(Buffer.from(message, 'hex'));
    const [chunk] = (await Promise.race([once(socket, 'data'), once(socket, 'end')])) as [Buffer?];
    answers.push(chunk?.toString('hex') ?? 'end');
  }
  return answers;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const success = '05000001000000000000';
const failed = (code: string) => `05${code}0001000000000000`;

test('connects for a good token, with and without a location id', async (t) => {
  const server = await start(t);
  const connectErp = request('erp.corp.internal', 8080);
  t.deepEqual(await talk(t, server.port, greeting, authentication(good(), ''), connectErp), ['0580', '0100', success]);
  const withLocation = authentication(good(), base64('plant/é'));
  const get = Buffer.from('GET /x HTTP/1.0\r\n\r\n').toString('hex');
  const answers = await talk(t, server.port, greeting, withLocation, connectErp, get);
  t.deepEqual(answers.slice(0, 3), ['0580', '0100', success]);
  t.regex(Buffer.from(answers[3]!, 'hex').toString(), /200 OK/);
  t.like(server.connects()[1], { locationId: 'plant/é', host: 'erp.corp.internal', port: 8080, reply: 0 });
});

test('refuses what the Connectivity Proxy refuses, at each step', async (t) => {
  const server = await start(t);
  const say = (...messages: string[]) => talk(t, server.port, ...messages);
  const erp = request('erp.corp.internal', 8080);
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  t.deepEqual(await say('050100'), ['05ff']);
  t.deepEqual(await say('040180'), ['05ff']);
  t.deepEqual(await say(`${greeting}00`), ['05ff'], 'a byte before the answer');
  for (const [token, why] of [
    [jwt({ client_id: 'cp', exp: 1 }), 'expired'],
    [jwt({ client_id: 'other', exp: inAnHour() }), 'client'],
    [jwt({ client_id: 'cp', exp: inAnHour() }, other.privateKey), 'signature'],
    [jwt({ client_id: 'cp', exp: inAnHour() }, keys.privateKey, 'none'), 'algorithm'],
    ['opaque', 'no JWT'],
  ] as const) {
    t.deepEqual(await say(greeting, authentication(token, '')), ['0580', '0101'], why);
  }
  t.deepEqual(await say(greeting, authentication(good(), 'plain text')), ['0580', '0101']);
  t.deepEqual(await say(greeting, authentication(good(), base64('ab').replace('=', ''))), ['0580', '0101']);
  t.deepEqual(await say(greeting, `05${authentication(good(), '').slice(2)}`), ['0580', '0101']);
  const plant = authentication(good(), base64('plant/é'));
  const connected = async (location: string, message: string) => (await say(greeting, location, message))[2];
  t.is(await connected(authentication(good(), base64('moon')), erp), failed('03'));
  t.is(await connected(plant, request('erp.corp.internal', 8081)), failed('02'));
  t.is(await connected(plant, request('dead', 1)), failed('04'));
  t.is(await connected(plant, erp.replace('0501', '0502')), failed('07'));
  t.is(await connected(plant, '05010004'.padEnd(44, '0')), failed('08'));
});

test('accepts the JWT that the OAuth server signs', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const oauth = await startOAuthServer(lab.loopback, { clients: [{ id: 'cp', secret: 's' }], tokenFormat: 'jwt' });
  const server = await startSapSocks5Server(lab.loopback, {
    publicJwk: oauth.publicJwk,
    allowedClientId: 'cp',
    locations: { '': {} },
  });
  const response = await fetch(`http://127.0.0.1:${oauth.port}${oauth.tokenPath}`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'cp', client_secret: 's' }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  t.deepEqual(await talk(t, server.port, greeting, authentication(token, '')), ['0580', '0100']);
});
