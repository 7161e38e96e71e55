// SPDX-License-Identifier: Apache-2.0
import { randomFillSync } from 'node:crypto';
import { type HeaderList, headerValues } from './header-list.ts';

/** Characters of {@link newRequestId}. */
export const REQUEST_ID_LENGTH = 36;
const ID_BYTES = 16;
const IDS_AT_ONCE = 256;
const random = Buffer.alloc(ID_BYTES * IDS_AT_ONCE);
const written = Buffer.alloc(REQUEST_ID_LENGTH * IDS_AT_ONCE);
const DIGITS = Buffer.from('0123456789abcdef');
const DASH = 0x2d;
let text = '';
let taken = IDS_AT_ONCE;

/** The application's own X-Request-Id, where it sent one that is fit for logs and headers; else a new one. */
export function requestIdOf(headers: HeaderList): string {
  return fitRequestId(headers) ?? newRequestId();
}

/** The application's own; null where it sent none that is fit. */
export function fitRequestId(headers: HeaderList): string | null {
  const [given, ...others] = headerValues(headers, 'x-request-id');
  const isFit = given !== undefined && others.length === 0 && /^[-_.:+=/@0-9A-Za-z]{1,128}$/.test(given);
  return isFit ? given : null;
}

/**
 * A UUID of version 4, cut from the text of many: randomUUID() puts each together from twenty strings. Whoever keeps it for
 * long keeps the others too. @see RFC 9562 §5.4
 */
export function newRequestId(): string {
  if (taken === IDS_AT_ONCE) {
    randomFillSync(random);
    for (let id = 0; id < IDS_AT_ONCE; id++) writeId(id * ID_BYTES, id * REQUEST_ID_LENGTH);
    text = written.toString('latin1');
    taken = 0;
  }
  taken += 1;
  return text.slice((taken - 1) * REQUEST_ID_LENGTH, taken * REQUEST_ID_LENGTH);
}

function writeId(from: number, to: number): void {
  random[from + 6] = ((random[from + 6] as number) & 0x0f) | 0x40;
  random[from + 8] = ((random[from + 8] as number) & 0x3f) | 0x80;
  let at = to;
  for (let i = 0; i < ID_BYTES; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) written[at++] = DASH;
    const byte = random[from + i] as number;
    written[at++] = DIGITS[byte >> 4] as number;
    written[at++] = DIGITS[byte & 0x0f] as number;
  }
}
