// SPDX-License-Identifier: Apache-2.0
/** The Host of an HTTP/1 client's first request, read without serving it (RFC 9112 §3.2). */
import type { Socket } from 'node:net';
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from './deadline.ts';
import { type Parsed, readMessage } from './read-message.ts';

/** Bytes in which the Host has to stand: clients send it among their first fields, long ones such as cookies after it. */
export const MAX_REQUEST_HEAD_BYTES = 16 * 1024;

export interface ReadRequestHostOptions {
  readonly timeoutMs: number;
  /** Default {@link MAX_REQUEST_HEAD_BYTES}. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

const LINE_FEED = 0x0a;
/** RFC 9110 §5.6.2; registered methods have at most 17 characters. */
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{0,32}(?: |$)/;
const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32} \S+ HTTP\/1\.\d$/;
const HOST_FIELD = /^host:[ \t]*([-_a-z0-9]+(?:\.[-_a-z0-9]+)*)\.?(?::\d{0,5})?[ \t]*$/i;

/**
 * The name in the first Host field, in lower case; null where the client sends none, none that is a name, or no HTTP/1 at
 * all. A second Host is not looked for: whoever serves the request refuses it. Peeks: all bytes are unshifted, the
 * socket is left paused.
 *
 * @throws REQUEST_TIMEOUT, REQUEST_MALFORMED where the client ends first, CLIENT_RESET
 */
export function readRequestHost(socket: Socket, options: ReadRequestHostOptions): Promise<string | null> {
  const { timeoutMs, maxBytes = MAX_REQUEST_HEAD_BYTES, signal = null } = options;
  const onTimeout = (): LeatError =>
    new LeatError(
      'REQUEST_TIMEOUT',
      `no request within ${timeoutMs} ms: where the server speaks first, declare the port as tcp`,
    );
  const onEnd = (cause: unknown): LeatError =>
    cause === null
      ? new LeatError('REQUEST_MALFORMED', 'the client ended the connection before its request named a host')
      : new LeatError('CLIENT_RESET', 'the client reset the connection before its request named a host', { cause });
  const parse = createRequestHostParser(maxBytes);
  return withDeadline(timeoutMs, onTimeout, signal, (inner) => readMessage(socket, { parse, onEnd, signal: inner }));
}

/**
 * Takes all bytes of the stream so far, again each time, and goes on where it stopped: a client that sends byte by byte
 * costs no more than one that does not.
 */
export function createRequestHostParser(maxBytes: number): (bytes: Buffer) => Parsed<string | null> {
  let lineStart = 0;
  let searchedTo = 0;
  let isRequestLine = true;
  const found = (value: string | null): Parsed<string | null> => ({ done: true, value, consumedBytes: 0 });

  return (stream) => {
    const bytes = stream.subarray(0, maxBytes);
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, searchedTo);
      if (end < 0) {
        searchedTo = bytes.length;
        const isStart = !isRequestLine || METHOD.test(bytes.toString('latin1', lineStart, lineStart + 33));
        return isStart && bytes.length < maxBytes ? { done: false, needBytes: bytes.length + 1 } : found(null);
      }
      const line = bytes.toString('latin1', lineStart, end).replace(/\r$/, '');
      lineStart = end + 1;
      searchedTo = lineStart;
      if (isRequestLine) {
        // RFC 9112 §2.2: empty lines in front of a request are ignored.
        if (line === '') continue;
        if (!REQUEST_LINE.test(line)) return found(null);
        isRequestLine = false;
      } else if (line === '') {
        return found(null);
      } else if (/^host:/i.test(line)) {
        return found(HOST_FIELD.exec(line)?.[1]?.toLowerCase() ?? null);
      }
    }
  };
}
