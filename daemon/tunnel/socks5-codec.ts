// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes and messages of SOCKS5: RFC 1928 §3-6, user/password by RFC 1929, and method 0x80 of SAP's Connectivity Proxy.
 * Pure. Parsers take the bytes so far, say how many they need, and throw as soon as these can't become a message.
 */
import { LeatError } from '../errors/leat-error.ts';
import type { Parsed } from '../net/read-message.ts';
import { addressBytes, type TargetAddress, tailLength } from './socks5-address.ts';

export const METHOD_NONE = 0x00;
export const METHOD_USER_PASSWORD = 0x02;
/** Of the range for private use (RFC 1928 §3). */
export const METHOD_SAP_JWT = 0x80;
export const METHOD_NONE_ACCEPTABLE = 0xff;

const VERSION = 0x05;
const COMMAND_CONNECT = 0x01;
const RESERVED = 0x00;
/** Of both sub-negotiations (RFC 1929 §2, and SAP's). */
const NEGOTIATION_VERSION = 0x01;
const SUCCESS = 0x00;

/**
 * One method only: a server that is offered "none" beside another may choose it, and the credential would silently not
 * be asked for.
 *
 *     +-----+----------+---------+
 *     | VER | NMETHODS | METHODS |      RFC 1928 §3
 *     +-----+----------+---------+
 *     |  1  |    1     |    1    |
 *     +-----+----------+---------+
 */
export function encodeGreeting(method: number): Buffer {
  return Buffer.from([VERSION, 1, method]);
}

/**
 * The method that the server chose.
 *
 *     +-----+--------+
 *     | VER | METHOD |                   RFC 1928 §3
 *     +-----+--------+
 *     |  1  |   1    |
 *     +-----+--------+
 */
export function parseMethodSelection(bytes: Buffer): Parsed<number> {
  checkVersion(bytes, VERSION, 'method selection');
  if (bytes.length < 2) return { done: false, needBytes: 2 };
  return { done: true, value: bytes.readUInt8(1), consumedBytes: 2 };
}

/**
 * The password may be empty, other than RFC 1929 has it: servers that put everything into the user name ask for that.
 *
 *     +-----+------+----------+------+----------+
 *     | VER | ULEN |  UNAME   | PLEN |  PASSWD  |      RFC 1929 §2
 *     +-----+------+----------+------+----------+
 *     |  1  |  1   | 1 to 255 |  1   | 0 to 255 |
 *     +-----+------+----------+------+----------+
 *
 * @throws SECRET_INVALID for a value that does not fit
 */
export function encodeUserPassword(username: string, password: string): Buffer {
  const user = Buffer.from(username);
  const pass = Buffer.from(password);
  if (user.length === 0 || user.length > 255 || pass.length > 255) {
    throw new LeatError(
      'SECRET_INVALID',
      'the user name for a tunnel must have 1 to 255 bytes and the password at most 255 (RFC 1929)',
    );
  }
  return Buffer.concat([Buffer.from([NEGOTIATION_VERSION, user.length]), user, Buffer.from([pass.length]), pass]);
}

/**
 * The location id goes as base64 of its UTF-8 bytes; none is length 0.
 *
 *     +-----+---------------+-------+--------+-----------------+
 *     | VER | JWT LENGTH    |  JWT  | LOCLEN | base64 LOCATION |      SAP Connectivity, SOCKS5 method 0x80
 *     +-----+---------------+-------+--------+-----------------+
 *     |  1  | 4, big-endian | 1 to  |   1    |    0 to 255     |
 *     +-----+---------------+-------+--------+-----------------+
 *
 * @throws CREDENTIAL_UNAVAILABLE for a token that is not encoded (RFC 6750 §2.1); DESTINATION_NOT_READY for a location id that does not fit
 */
export function encodeSapJwt(jwt: string, locationId: string | null): Buffer {
  if (!/^[-\w.~+/]+=*$/.test(jwt)) {
    throw new LeatError(
      'CREDENTIAL_UNAVAILABLE',
      'the token for the tunnel holds characters that no encoded token has',
    );
  }
  const token = Buffer.from(jwt, 'latin1');
  const location = Buffer.from(Buffer.from(locationId ?? '').toString('base64'), 'latin1');
  if (location.length > 255) {
    throw new LeatError('DESTINATION_NOT_READY', 'the location id is too long: at most 189 bytes in UTF-8');
  }
  const head = Buffer.alloc(5);
  head.writeUInt8(NEGOTIATION_VERSION, 0);
  head.writeUInt32BE(token.length, 1);
  return Buffer.concat([head, token, Buffer.from([location.length]), location]);
}

/**
 * Whether the server accepts the credential: of RFC 1929 and of SAP's method alike.
 *
 *     +-----+--------+
 *     | VER | STATUS |                   RFC 1929 §2
 *     +-----+--------+
 *     |  1  |   1    |
 *     +-----+--------+
 */
export function parseAuthenticationStatus(bytes: Buffer): Parsed<{ readonly accepted: boolean }> {
  checkVersion(bytes, NEGOTIATION_VERSION, 'authentication status');
  if (bytes.length < 2) return { done: false, needBytes: 2 };
  return { done: true, value: { accepted: bytes.readUInt8(1) === SUCCESS }, consumedBytes: 2 };
}

/**
 *     +-----+-----+-------+------+----------+----------+
 *     | VER | CMD |  RSV  | ATYP | DST.ADDR | DST.PORT |      RFC 1928 §4
 *     +-----+-----+-------+------+----------+----------+
 *     |  1  |  1  | X'00' |  1   | Variable |    2     |
 *     +-----+-----+-------+------+----------+----------+
 */
export function encodeConnect(target: TargetAddress, port: number): Buffer {
  const end = Buffer.alloc(2);
  end.writeUInt16BE(port);
  return Buffer.concat([Buffer.from([VERSION, COMMAND_CONNECT, RESERVED, target.type]), addressBytes(target), end]);
}

/**
 * The reply code. A refusal counts once its code is there: many servers end it short or with an address type of 0. The
 * bound address tells nothing that Leat needs, but is part of the message: what is behind it belongs to the target.
 *
 *     +-----+-----+-------+------+----------+----------+
 *     | VER | REP |  RSV  | ATYP | BND.ADDR | BND.PORT |      RFC 1928 §6
 *     +-----+-----+-------+------+----------+----------+
 *     |  1  |  1  | X'00' |  1   | Variable |    2     |
 *     +-----+-----+-------+------+----------+----------+
 */
export function parseReply(bytes: Buffer): Parsed<number> {
  checkVersion(bytes, VERSION, 'reply');
  if (bytes.length < 2) return { done: false, needBytes: 2 };
  const code = bytes.readUInt8(1);
  if (code !== SUCCESS) return { done: true, value: code, consumedBytes: bytes.length };
  if (bytes.length < 5) return { done: false, needBytes: 5 };
  const type = bytes.readUInt8(3);
  const tail = tailLength(type, bytes.readUInt8(4));
  if (tail === null) {
    throw new LeatError('TUNNEL_PROTOCOL', `its reply holds an address of type ${type}, which RFC 1928 does not know`);
  }
  const length = 4 + tail;
  return bytes.length < length
    ? { done: false, needBytes: length }
    : { done: true, value: code, consumedBytes: length };
}

function checkVersion(bytes: Buffer, expected: number, message: string): void {
  const [version = expected] = bytes;
  if (version !== expected) {
    throw new LeatError(
      'TUNNEL_PROTOCOL',
      `its ${message} begins with ${version} instead of ${expected}: it may be no SOCKS5 server, or expect TLS`,
    );
  }
}
