// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { targetAddress } from '../../daemon/tunnel/socks5-address.ts';
import {
  encodeConnect,
  encodeGreeting,
  encodeSapJwt,
  METHOD_SAP_JWT,
  parseAuthenticationStatus,
  parseMethodSelection,
  parseReply,
} from '../../daemon/tunnel/socks5-codec.ts';
import { parseAuthentication, parseGreeting, parseRequest } from '../support/sap-socks5-protocol.ts';

const parsers = [parseMethodSelection, parseAuthenticationStatus, parseReply];

test('no bytes make a parser throw anything but TUNNEL_PROTOCOL, ask for nothing, or take what is not there', (t) => {
  const begin = fc.constantFrom([], [5], [1], [5, 0, 0, 1], [5, 0, 0, 3], [5, 0, 0, 4]);
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...parsers), (head, tail, parse) => {
      const bytes = Buffer.from([...head, ...tail]);
      try {
        const parsed = parse(bytes);
        if (parsed.done) return parsed.consumedBytes >= 2 && parsed.consumedBytes <= bytes.length;
        return parsed.needBytes > bytes.length && parsed.needBytes <= 262;
      } catch (error) {
        return error instanceof LeatError && error.code === 'TUNNEL_PROTOCOL';
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('a server written apart from the client reads what was meant, and no byte more', (t) => {
  const token = fc.stringMatching(/^[-\w.]{1,2000}$/);
  const location = fc.oneof(fc.constant(null), fc.string({ maxLength: 60, unit: 'grapheme' }));
  const host = fc.oneof(fc.domain(), fc.ipV4());
  t.deepEqual(parseGreeting(encodeGreeting(METHOD_SAP_JWT)), { value: null, lengthBytes: 3 });
  fc.assert(
    fc.property(token, location, host, fc.integer({ min: 1, max: 65535 }), (jwt, locationId, name, port) => {
      fc.pre(Buffer.byteLength(locationId ?? '') <= 189);
      const authentication = encodeSapJwt(jwt, locationId);
      t.deepEqual(parseAuthentication(authentication), {
        // What is no valid UTF-16 is replaced when it becomes UTF-8, before it is encoded.
        value: { token: jwt, locationId: Buffer.from(locationId ?? '').toString() },
        lengthBytes: authentication.length,
      });
      const request = encodeConnect(targetAddress(name), port);
      t.deepEqual(parseRequest(request), { value: { host: name, port }, lengthBytes: request.length });
    }),
    { numRuns: 300 },
  );
});
