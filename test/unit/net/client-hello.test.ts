// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from '../../../daemon/net/client-hello.ts';
import { clientHello, extension, inRecords, serverName, sized } from '../../support/client-hello-bytes.ts';

function nameIn(bytes: Buffer): string | null | undefined {
  const parsed = parseClientHello(bytes);
  return parsed.done ? parsed.value.serverName : undefined;
}

function refusal(bytes: Buffer): string {
  try {
    return `accepted ${nameIn(bytes)}`;
  } catch (error) {
    return error instanceof LeatError && error.code === 'CLIENT_HELLO_INVALID' ? error.message : String(error);
  }
}

test('the server name is found, in lower case, among extensions that nobody knows (GREASE, RFC 8701)', (t) => {
  const grease = extension(0x0a0a, Buffer.alloc(0));
  const big = extension(0xfafa, Buffer.alloc(1));
  t.is(nameIn(inRecords(clientHello([grease, serverName('API.Example.com'), big]))), 'api.example.com');
});

test('with Encrypted Client Hello the name is the outer one', (t) => {
  const ech = extension(0xfe0d, Buffer.alloc(200, 7));
  t.is(nameIn(inRecords(clientHello([ech, serverName('outer.example')]))), 'outer.example');
});

test('a client without the extension, or without any, names nobody', (t) => {
  t.is(nameIn(inRecords(clientHello([extension(43, Buffer.from([2, 3, 4]))]))), null);
  t.is(nameIn(inRecords(clientHello([]))), null);
  t.is(nameIn(inRecords(clientHello(null))), null);
});

test('a message spread over records of any size is put together, and bytes behind it are not looked at', (t) => {
  const hello = clientHello([serverName('api.example')]);
  for (const size of [1, 2, 3, 4, 5, 50, 10_000]) {
    const bytes = Buffer.concat([inRecords(hello, size), Buffer.from('\x14\x03\x03 early data')]);
    t.is(nameIn(bytes), 'api.example', `records of ${size}`);
  }
  const shared = Buffer.concat([hello, Buffer.from([0x14, 0, 0, 0])]);
  t.is(nameIn(inRecords(shared)), 'api.example', 'a second message in the same record');
});

test('a hello that is not whole asks for more bytes than there are, and never for more than the message has', (t) => {
  for (const size of [3, 7, 10_000]) {
    const bytes = inRecords(clientHello([serverName('api.example')]), size);
    for (let length = 0; length < bytes.length; length++) {
      const parsed = parseClientHello(bytes.subarray(0, length));
      t.true(!parsed.done && parsed.needBytes > length && parsed.needBytes <= bytes.length, `${length} of ${size}`);
    }
  }
});

test('what is not TLS is refused at its first byte', (t) => {
  for (const bytes of ['GET / HTTP/1.1\r\n', 'SSH-2.0-x\r\n', '\x80\x2e\x01\x00\x02', '\x00', '\x15\x03\x01\x00\x02']) {
    t.regex(refusal(Buffer.from(bytes.slice(0, 1), 'latin1')), /does not speak TLS: declare the port/, bytes);
  }
  t.regex(refusal(Buffer.from([22, 2])), /does not speak TLS/);
  t.regex(refusal(Buffer.from([22, 3, 1, 0, 4, 2])), /handshake message of type 2/);
});

test('records of no or of too many bytes are refused (RFC 8446 §5.1)', (t) => {
  t.regex(refusal(Buffer.from([22, 3, 1, 0, 0])), /a record of 0 bytes/);
  t.regex(refusal(Buffer.from([22, 3, 1, 0x40, 1])), /a record of 16385 bytes/);
  const hello = inRecords(clientHello([serverName('api.example')]), 8);
  t.regex(refusal(Buffer.concat([hello.subarray(0, 13), Buffer.from([22, 3, 1, 0, 0])])), /a record of 0 bytes/);
});

test('a hello of more than 16 KiB is refused as soon as it says so', (t) => {
  const said = Buffer.alloc(9);
  said.set([22, 3, 1, 0x40, 0, 1]);
  said.writeUIntBE(MAX_CLIENT_HELLO_BYTES - 3, 6, 3);
  t.regex(refusal(said), /longer than 16384 bytes/);
  const padded = clientHello([extension(21, Buffer.alloc(MAX_CLIENT_HELLO_BYTES - 200)), serverName('api.example')]);
  t.is(nameIn(inRecords(padded)), 'api.example');
  t.regex(refusal(inRecords(padded, 1)), /longer than 16384 bytes/, 'with the headers of its records');
});

test('two names, two name extensions or an unknown kind of name are refused: the server may read another one', (t) => {
  const two = serverName('a.example', 'b.example');
  t.regex(refusal(inRecords(clientHello([two]))), /more than one server/);
  const twice = [serverName('a.example'), serverName('a.example')];
  t.regex(refusal(inRecords(clientHello(twice))), /names two servers/);
  const otherType = extension(0, sized(2, Buffer.concat([Buffer.from([1]), sized(2, Buffer.from('a.example'))])));
  t.regex(refusal(inRecords(clientHello([otherType]))), /more than one server/);
});

test('a server name that is no host name is refused', (t) => {
  for (const name of [
    '',
    '.',
    'a..b',
    'a.example.',
    'a b',
    'nul\0.example',
    'bücher.example',
    'a/b',
    'x'.repeat(254),
  ]) {
    t.regex(refusal(inRecords(clientHello([serverName(name)]))), /is no host name/, JSON.stringify(name));
  }
});

test('lengths that lie are refused', (t) => {
  const hello = clientHello([serverName('api.example')]);
  const lies: [string, number, number][] = [
    ['session id', 38, 255],
    ['cipher suites', 39, 255],
    ['compression methods', 45, 200],
  ];
  for (const [what, offset, value] of lies) {
    const bytes = Buffer.from(hello);
    bytes[offset] = value;
    t.regex(refusal(inRecords(bytes)), new RegExp(`its ${what} is cut short|bytes follow`), what);
  }
  t.regex(refusal(inRecords(clientHello([Buffer.from([0, 0, 0, 9, 0])]))), /extension is cut short/);
  t.regex(refusal(inRecords(clientHello([extension(0, Buffer.from([0, 2, 0, 0, 9]))]))), /bytes follow|cut short/);
  t.regex(refusal(inRecords(clientHello([], Buffer.from([1])))), /bytes follow its extensions/);
  t.regex(refusal(inRecords(clientHello([extension(0, Buffer.alloc(0))]))), /server name list is cut short/);
});
