// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { targetAddress } from '../../../daemon/tunnel/socks5-address.ts';
import {
  encodeConnect,
  encodeGreeting,
  encodeSapJwt,
  encodeUserPassword,
  METHOD_NONE,
  METHOD_SAP_JWT,
  METHOD_USER_PASSWORD,
  parseAuthenticationStatus,
  parseMethodSelection,
  parseReply,
} from '../../../daemon/tunnel/socks5-codec.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

test('a greeting offers one method alone', (t) => {
  t.deepEqual(encodeGreeting(METHOD_SAP_JWT), hex('05 01 80'));
  t.deepEqual(encodeGreeting(METHOD_NONE), hex('05 01 00'));
  t.deepEqual(encodeGreeting(METHOD_USER_PASSWORD), hex('05 01 02'));
});

test('method 0x80 carries the token behind four bytes of length and the location id as base64', (t) => {
  // "a.b.c" is 612e622e63; "loc" in base64 is "bG9j", 6247396a
  t.deepEqual(encodeSapJwt('a.b.c', 'loc'), hex('01 00000005 612e622e63 04 6247396a'));
  t.deepEqual(encodeSapJwt('a.b.c', null), hex('01 00000005 612e622e63 00'));
  t.deepEqual(encodeSapJwt('a.b.c', ''), hex('01 00000005 612e622e63 00'));
});

test('a token of more than 64 KiB keeps all four bytes of its length', (t) => {
  const frame = encodeSapJwt('x'.repeat(70_000), null);
  t.deepEqual(frame.subarray(0, 5), hex('01 00011170'));
  t.is(frame.length, 6 + 70_000);
});

test('a location id is UTF-8 in standard base64 with padding', (t) => {
  // "Werk Süd?" is 5765726b2053c3bc643f: standard base64 "V2VyayBTw7xkPw=="
  const frame = encodeSapJwt('t', 'Werk Süd?');
  t.is(frame.subarray(7).toString(), 'V2VyayBTw7xkPw==');
  t.is(frame[6], 16);
});

test('a location id whose base64 does not fit in 255 bytes is refused', (t) => {
  t.is(encodeSapJwt('t', 'x'.repeat(189))[6], 252);
  const error = t.throws(() => encodeSapJwt('t', 'x'.repeat(190)), { instanceOf: LeatError });
  t.is(error?.code, 'DESTINATION_NOT_READY');
});

test('a token that is not encoded is refused without being shown', (t) => {
  for (const token of ['', 'has space', 'line\r\nbreak', 'ünicode', '{"raw":"json"}']) {
    const error = t.throws(() => encodeSapJwt(token, null), { instanceOf: LeatError });
    t.is(error?.code, 'CREDENTIAL_UNAVAILABLE');
    t.true(token === '' || !error?.message.includes(token));
  }
});

test('user and password are length and bytes of UTF-8 (RFC 1929)', (t) => {
  t.deepEqual(encodeUserPassword('joe', 'pw'), hex('01 03 6a6f65 02 7077'));
  t.deepEqual(encodeUserPassword('ü', ''), hex('01 02 c3bc 00'));
});

test('user or password that do not fit are refused without being shown', (t) => {
  for (const [user, password] of [
    ['', 'pw'],
    ['u'.repeat(256), 'pw'],
    ['joe', 'é'.repeat(128)],
  ] as const) {
    const error = t.throws(() => encodeUserPassword(user, password), { instanceOf: LeatError });
    t.is(error?.code, 'SECRET_INVALID');
    t.false(error?.message.includes(password));
  }
});

test('a name is asked as a name, an address by its family', (t) => {
  t.deepEqual(encodeConnect(targetAddress('erp.corp'), 443), hex('05 01 00 03 08 6572702e636f7270 01bb'));
  t.deepEqual(encodeConnect(targetAddress('10.1.2.3'), 80), hex('05 01 00 01 0a010203 0050'));
  t.deepEqual(encodeConnect(targetAddress('fd00::5'), 65535), hex('05 01 00 04 fd000000000000000000000000000005 ffff'));
  t.deepEqual(encodeConnect(targetAddress('::ffff:10.1.2.3'), 80), hex('05 01 00 01 0a010203 0050'));
});

test('a name that SOCKS5 can not carry is refused', (t) => {
  t.is(encodeConnect(targetAddress('x'.repeat(255)), 1)[4], 255);
  for (const name of ['', 'x'.repeat(256), 'bücher.local', 'two words', 'nul\0byte']) {
    const error = t.throws(() => targetAddress(name), { instanceOf: LeatError });
    t.is(error?.code, 'TUNNEL_ADDRESS_UNSUPPORTED');
  }
});

test('replies of every address type end where their address ends', (t) => {
  for (const [bytes, consumedBytes] of [
    ['05 00 00 01 0a000001 1f90', 10],
    ['05 00 00 03 04 686f7374 1f90', 11],
    ['05 00 00 03 00 1f90', 7],
    ['05 00 00 04 fd000000000000000000000000000005 1f90', 22],
  ] as const) {
    const whole = Buffer.concat([hex(bytes), Buffer.from('220 ready')]);
    t.deepEqual(parseReply(whole), { done: true, value: 0, consumedBytes });
    for (let length = 0; length < consumedBytes; length++) {
      const parsed = parseReply(whole.subarray(0, length));
      t.true(!parsed.done && parsed.needBytes > length && parsed.needBytes <= consumedBytes, `${bytes} at ${length}`);
    }
  }
});

test('a refusal counts as soon as its code is there, however it ends', (t) => {
  for (const bytes of ['05 05', '05 05 00', '05 05 00 00 00 00', '05 05 00 01 00000000 0000']) {
    const parsed = parseReply(hex(bytes));
    t.true(parsed.done && parsed.value === 5, bytes);
  }
});

test('what is no SOCKS5 message is refused at its first byte', (t) => {
  for (const parse of [parseMethodSelection, parseReply, parseAuthenticationStatus] as const) {
    for (const bytes of ['48', '00', 'ff', '15 03 01']) {
      const error = t.throws(() => void parse(hex(bytes)), { instanceOf: LeatError });
      t.is(error?.code, 'TUNNEL_PROTOCOL');
    }
    t.deepEqual<unknown, unknown>(parse(Buffer.alloc(0)), { done: false, needBytes: 2 });
  }
  t.throws(() => parseReply(hex('05 00 00 02 00 00')), { instanceOf: LeatError, message: /address of type 2/ });
});
