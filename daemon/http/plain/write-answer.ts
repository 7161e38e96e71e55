// SPDX-License-Identifier: Apache-2.0
import { FRAMING } from '../../native/http-engine.ts';
import { type HeaderList, headersText, isHeaderValue } from '../header-list.ts';
import { earlyHintLinks } from '../interim-response.ts';
import { type ResponseView, rewriteResponse } from '../rewrite-response.ts';
import { type PlainAnswer, readPlainAnswer } from './read-answer.ts';

/** An answer's head as it came, and as it goes down. */
export interface WrittenAnswer extends PlainAnswer {
  readonly received: Buffer;
  readonly bytes: Buffer;
  /** The same, for a connection that ends behind it. */
  readonly lastBytes: Buffer;
}

/** Null where the head is none: see readPlainAnswer. */
export function writeAnswer(text: string, method: string, view: ResponseView): WrittenAnswer | null {
  const answer = readPlainAnswer(text, method);
  if (answer === null) return null;
  const { status, reason, headers, body } = answer;
  // Nobody reads a reason phrase (RFC 9112 §4).
  const line = `HTTP/1.1 ${status} ${isHeaderValue(reason) ? reason : ''}\r\n`;
  const coding = body.framing === FRAMING.chunked ? 'Transfer-Encoding: chunked\r\n' : '';
  const head = `${line}${headersText(rewriteResponse(headers, view))}${coding}`;
  return {
    ...answer,
    received: Buffer.from(text, 'latin1'),
    bytes: Buffer.from(`${head}\r\n`, 'latin1'),
    lastBytes: Buffer.from(`${head}Connection: close\r\n\r\n`, 'latin1'),
  };
}

const NOTHING = Buffer.alloc(0);

/** What of an interim answer goes down; empty where nothing does. @see RFC 9110 §15.2 */
export function writeInterim(status: number, headers: HeaderList): Buffer {
  if (status === 102) return Buffer.from('HTTP/1.1 102 Processing\r\n\r\n');
  const links = status === 103 ? earlyHintLinks(headers) : [];
  if (links.length === 0) return NOTHING;
  return Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: ${links.join(', ')}\r\n\r\n`, 'latin1');
}
