// SPDX-License-Identifier: Apache-2.0
/** The server name of a TLS client, read without ending TLS (RFC 8446 §4.1.2, RFC 6066 §3). */
import type { Socket } from 'node:net';
import { LeatError } from '../errors/leat-error.ts';
import { ByteCursor } from './byte-cursor.ts';
import { withDeadline } from './deadline.ts';
import { type Parsed, readMessage } from './read-message.ts';

/** A ClientHello with post-quantum key shares has about 2 KiB; with a resumption ticket and more, never this much. */
export const MAX_CLIENT_HELLO_BYTES = 16 * 1024;

export interface ClientHello {
  /** In lower case; null where the client sends none. With Encrypted Client Hello: the outer name. */
  readonly serverName: string | null;
}

export interface ReadClientHelloOptions {
  readonly timeoutMs: number;
  /** Default {@link MAX_CLIENT_HELLO_BYTES}. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const MAX_RECORD_BYTES = 2 ** 14;
const CONTENT_TYPE_HANDSHAKE = 22;
const HANDSHAKE_TYPE_CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const NAME_TYPE_HOST = 0;

/**
 * Peeks: all bytes are unshifted, the socket is left paused.
 * @throws CLIENT_HELLO_INVALID, CLIENT_HELLO_TIMEOUT, CLIENT_RESET
 */
export function readClientHello(socket: Socket, options: ReadClientHelloOptions): Promise<ClientHello> {
  const { timeoutMs, maxBytes = MAX_CLIENT_HELLO_BYTES, signal = null } = options;
  const onTimeout = (): LeatError =>
    new LeatError(
      'CLIENT_HELLO_TIMEOUT',
      `no ClientHello within ${timeoutMs} ms: where the server speaks first, declare the port as tcp`,
    );
  const onEnd = (cause: unknown): LeatError =>
    cause === null
      ? invalid('the client ended the connection before it was whole')
      : new LeatError('CLIENT_RESET', 'the client reset the connection before its ClientHello was whole', { cause });
  return withDeadline(timeoutMs, onTimeout, signal, (inner) =>
    readMessage(socket, {
      parse: (bytes) => ({ ...parseClientHello(bytes, maxBytes), consumedBytes: 0 }),
      onEnd,
      signal: inner,
    }),
  );
}

/**
 * The ClientHello at the start of a stream, possibly spread over several records.
 * @throws CLIENT_HELLO_INVALID as soon as the bytes can't become one of at most `maxBytes`
 */
export function parseClientHello(stream: Buffer, maxBytes: number = MAX_CLIENT_HELLO_BYTES): Parsed<ClientHello> {
  const bytes = stream.subarray(0, maxBytes);
  const fragments: Buffer[] = [];
  let heldBytes = 0;
  let offset = 0;
  for (;;) {
    const need = (needBytes: number): Parsed<ClientHello> => {
      if (needBytes > maxBytes) throw invalid(`it is longer than ${maxBytes} bytes`);
      return { done: false, needBytes };
    };
    checkRecordStart(bytes, offset);
    const start = offset + RECORD_HEADER_BYTES;
    if (bytes.length < start) return need(start);
    const recordBytes = bytes.readUInt16BE(offset + 3);
    if (recordBytes === 0 || recordBytes > MAX_RECORD_BYTES) throw invalid(`a record of ${recordBytes} bytes`);
    const end = start + recordBytes;
    const fragment = bytes.subarray(start, end);
    fragments.push(fragment);
    heldBytes += fragment.length;
    const wholeBytes = messageLength(fragments, heldBytes);
    if (wholeBytes > maxBytes) throw invalid(`it is longer than ${maxBytes} bytes`);
    if (heldBytes >= wholeBytes && heldBytes >= MESSAGE_HEADER_BYTES) {
      const body = Buffer.concat(fragments).subarray(MESSAGE_HEADER_BYTES, wholeBytes);
      return { done: true, value: { serverName: readServerName(body) }, consumedBytes: end };
    }
    if (bytes.length < end) return need(Math.min(end, bytes.length + wholeBytes - heldBytes));
    offset = end;
  }
}

/**
 * Bytes of the handshake message with its header; as long as the header is not whole, those of the header. Looks at the
 * first fragments only: a hostile client may send thousands of one byte each.
 */
function messageLength(fragments: readonly Buffer[], heldBytes: number): number {
  const header = Buffer.concat(fragments.slice(0, MESSAGE_HEADER_BYTES)).subarray(0, MESSAGE_HEADER_BYTES);
  const [type = HANDSHAKE_TYPE_CLIENT_HELLO] = header;
  if (type !== HANDSHAKE_TYPE_CLIENT_HELLO) throw invalid(`a handshake message of type ${type}`);
  return heldBytes < MESSAGE_HEADER_BYTES ? MESSAGE_HEADER_BYTES : MESSAGE_HEADER_BYTES + header.readUIntBE(1, 3);
}

function checkRecordStart(bytes: Buffer, offset: number): void {
  const [type = CONTENT_TYPE_HANDSHAKE, major = 3] = bytes.subarray(offset, offset + 2);
  if (type !== CONTENT_TYPE_HANDSHAKE || major !== 3) {
    throw invalid('the client does not speak TLS: declare the port as http or tcp');
  }
}

function readServerName(body: Buffer): string | null {
  const cursor = new ByteCursor(body, (what) => invalid(`its ${what} is cut short`));
  cursor.skip(2 + 32, 'version and random');
  cursor.take(cursor.uint8('session id'), 'session id');
  cursor.take(cursor.uint16('cipher suites'), 'cipher suites');
  cursor.take(cursor.uint8('compression methods'), 'compression methods');
  // TLS 1.2 clients may leave extensions out altogether.
  if (cursor.atEnd) return null;
  const extensions = cursor.within(cursor.uint16('extensions'), 'extensions');
  if (!cursor.atEnd) throw invalid('bytes follow its extensions');
  let serverName: string | null = null;
  while (!extensions.atEnd) {
    const type = extensions.uint16('extension');
    const content = extensions.within(extensions.uint16('extension'), 'extension');
    if (type !== EXTENSION_SERVER_NAME) continue;
    // Two would let the proxy and the server read different ones.
    if (serverName !== null) throw invalid('it names two servers');
    serverName = readNameList(content);
  }
  return serverName;
}

function readNameList(content: ByteCursor): string {
  const names = content.within(content.uint16('server name list'), 'server name list');
  if (!content.atEnd) throw invalid('bytes follow its server name');
  const type = names.uint8('server name');
  const name = names.take(names.uint16('server name'), 'server name').toString('latin1').toLowerCase();
  if (type !== NAME_TYPE_HOST || !names.atEnd) throw invalid('it names more than one server');
  if (!/^[-_a-z0-9]+(?:\.[-_a-z0-9]+)*$/.test(name) || name.length > 253) {
    throw invalid('its server name is no host name');
  }
  return name;
}

function invalid(reason: string): LeatError {
  return new LeatError('CLIENT_HELLO_INVALID', `no valid TLS ClientHello: ${reason}`);
}
