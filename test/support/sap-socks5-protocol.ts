// SPDX-License-Identifier: Apache-2.0
/**
 * The server's side of SAP's SOCKS5 (RFC 1928 with method 0x80), written from SAP's Java sample
 * ConnectivitySocks5ProxySocket and on purpose without a line of the client's code: both sides share no mistake.
 */
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';

/** Reply codes with the meaning SAP gives them. */
export const reply = {
  success: 0,
  failure: 1,
  notExposed: 2,
  locationUnknown: 3,
  backendUnreachable: 4,
  commandUnsupported: 7,
  addressUnsupported: 8,
} as const;

export class Refused extends Error {
  readonly stage: 'greeting' | 'authentication' | 'request';
  /** What the client is told before the connection ends. */
  readonly answer: Buffer;

  constructor(stage: Refused['stage'], reason: string, answer: Buffer) {
    super(reason);
    this.stage = stage;
    this.answer = answer;
  }
}

/** A message parsed off the front of `bytes`, or null where more bytes are needed. A surplus byte is the caller's to judge. */
export type Parsed<T> = { readonly value: T; readonly lengthBytes: number } | null;

const noMethod = Buffer.from([5, 0xff]);
const badAuthentication = Buffer.from([1, 1]);

export function encodeReply(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

export function parseGreeting(bytes: Buffer): Parsed<null> {
  if (bytes.length < 2) return null;
  if (bytes[0] !== 5) throw new Refused('greeting', `version ${bytes[0]} instead of 5`, noMethod);
  const count = bytes[1]!;
  if (bytes.length < 2 + count) return null;
  const methods = [...bytes.subarray(2, 2 + count)];
  if (!methods.includes(0x80)) throw new Refused('greeting', `methods ${methods.join(',')} without 0x80`, noMethod);
  return { value: null, lengthBytes: 2 + count };
}

export function parseAuthentication(bytes: Buffer): Parsed<{ readonly token: string; readonly locationId: string }> {
  if (bytes.length < 5) return null;
  if (bytes[0] !== 1) throw new Refused('authentication', `version ${bytes[0]} instead of 1`, badAuthentication);
  const tokenBytes = bytes.readUInt32BE(1);
  // Far above any real token: a length in the wrong byte order would otherwise wait for gigabytes.
  if (tokenBytes === 0 || tokenBytes > 65_536)
    throw new Refused('authentication', `token of ${tokenBytes} bytes`, badAuthentication);
  if (bytes.length < 6 + tokenBytes) return null;
  const locationBytes = bytes[5 + tokenBytes]!;
  const lengthBytes = 6 + tokenBytes + locationBytes;
  if (bytes.length < lengthBytes) return null;
  const token = bytes.toString('latin1', 5, 5 + tokenBytes);
  return {
    value: { token, locationId: decodeLocationId(bytes.toString('latin1', 6 + tokenBytes, lengthBytes)) },
    lengthBytes,
  };
}

function decodeLocationId(encoded: string): string {
  const decoded = Buffer.from(encoded, 'base64');
  // Encoding it again shows a URL alphabet, missing padding or plain text.
  if (decoded.toString('base64') !== encoded) {
    throw new Refused('authentication', 'location id is not in padded standard base64', badAuthentication);
  }
  return decoded.toString('utf8');
}

export function parseRequest(bytes: Buffer): Parsed<{ readonly host: string; readonly port: number }> {
  if (bytes.length < 4) return null;
  const [version, command, reserved, type] = bytes as unknown as number[];
  if (version !== 5 || reserved !== 0) {
    throw new Refused('request', `version ${version}, reserved byte ${reserved}`, encodeReply(reply.failure));
  }
  if (command !== 1) throw new Refused('request', `command ${command}`, encodeReply(reply.commandUnsupported));
  if (type === 1) {
    if (bytes.length < 10) return null;
    return { value: { host: bytes.subarray(4, 8).join('.'), port: bytes.readUInt16BE(8) }, lengthBytes: 10 };
  }
  if (type !== 3) throw new Refused('request', `address type ${type}`, encodeReply(reply.addressUnsupported));
  if (bytes.length < 5) return null;
  const end = 5 + bytes[4]!;
  if (bytes.length < end + 2) return null;
  return { value: { host: bytes.toString('latin1', 5, end), port: bytes.readUInt16BE(end) }, lengthBytes: end + 2 };
}

/** Judges a JWT as the Connectivity Proxy does: signature, expiry, client. Gives its subaccount. @throws Refused */
export function judgeToken(token: string, publicJwk: JsonWebKey, allowedClientId: string): string {
  const refuse = (reason: string) => new Refused('authentication', reason, badAuthentication);
  let claims: Record<string, unknown>;
  try {
    claims = readToken(token, publicJwk);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (claims.client_id !== allowedClientId) throw refuse(`client ${String(claims.client_id)} is not allowed`);
  return String(claims.zid ?? '');
}

/** The claims of a JWT (RS256) whose signature is right and whose time is not over. @throws Error with the reason */
export function readToken(token: string, publicJwk: JsonWebKey): Record<string, unknown> {
  const [header, payload, signature, more] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || more !== undefined)
    throw new Error('token is no JWT');
  const key = createPublicKey({ key: publicJwk, format: 'jwk' });
  let claims: Record<string, unknown>;
  try {
    const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: string };
    if (alg !== 'RS256') throw new Error(`algorithm ${alg}`);
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as typeof claims;
  } catch (error) {
    throw new Error(`token can't be read: ${String(error)}`);
  }
  if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')))
    throw new Error('signature is wrong');
  if (typeof claims.exp !== 'number' || claims.exp * 1000 <= Date.now()) throw new Error('token has expired');
  return claims;
}
