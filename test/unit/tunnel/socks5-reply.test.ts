// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { type ReplyDialect, replyError } from '../../../daemon/tunnel/socks5-reply.ts';

test('every reply code has an error of its own, in the words of who sent it', (t) => {
  const codes = (dialect: ReplyDialect): string[] =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 0xf0].map((code) => replyError(code, dialect, 'tunnel onprem').code);
  t.deepEqual(codes('rfc1928'), [
    'TUNNEL_FAILURE',
    'TUNNEL_FORBIDDEN',
    'TUNNEL_NETWORK_UNREACHABLE',
    'TUNNEL_HOST_UNREACHABLE',
    'TUNNEL_CONNECTION_REFUSED',
    'TUNNEL_TTL_EXPIRED',
    'TUNNEL_COMMAND_UNSUPPORTED',
    'TUNNEL_ADDRESS_UNSUPPORTED',
    'TUNNEL_FAILURE',
    'TUNNEL_FAILURE',
  ]);
  t.deepEqual(codes('sap'), [
    'TUNNEL_FAILURE',
    'TUNNEL_FORBIDDEN',
    'TUNNEL_NETWORK_UNREACHABLE',
    'TUNNEL_HOST_UNREACHABLE',
    'TUNNEL_AUTHENTICATION',
    'TUNNEL_FAILURE',
    'TUNNEL_COMMAND_UNSUPPORTED',
    'TUNNEL_ADDRESS_UNSUPPORTED',
    'TUNNEL_FAILURE',
    'TUNNEL_FAILURE',
  ]);
});

test('a message names tunnel, meaning and code', (t) => {
  t.is(
    replyError(3, 'sap', 'tunnel onprem does not connect to erp port 443').message,
    'tunnel onprem does not connect to erp port 443: no Cloud Connector is connected to the subaccount, or the location id is not the one of any (SOCKS5 reply 3)',
  );
});
