// SPDX-License-Identifier: Apache-2.0
import { type Body, FRAMING } from '../../native/http-engine.ts';
import { type HeaderList, headerTokens, headerValues } from '../header-list.ts';
import { readLength, readLines } from './read-fields.ts';

export interface PlainAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: Body;
  /** How long the upstream keeps the connection, as far as it says; 0: it does not; null: it did not say. */
  readonly keepAliveMs: number | null;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/;
const NO_BODY: Body = { framing: FRAMING.none, bytes: 0 };

/** The head of an answer to a request of that method; null where it is none, or its end could be seen at two places. Pure. */
export function readPlainAnswer(text: string, method: string): PlainAnswer | null {
  const lines = readLines(text);
  const [, minor, digits, reason = ''] = STATUS_LINE.exec(lines?.first ?? '') ?? [];
  if (lines === null || digits === undefined) return null;
  const status = Number(digits);
  const body = bodyOf(lines.fields, minor === '1');
  if (body === null) return null;
  const isBodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  return {
    status,
    reason,
    headers: lines.fields,
    body: isBodiless ? NO_BODY : body,
    keepAliveMs: keepAliveOf(lines.fields, minor === '1'),
  };
}

/** RFC 9112 §6.3, and nothing that it merely tolerates. */
function bodyOf(headers: HeaderList, isCurrent: boolean): Body | null {
  const codings = headerValues(headers, 'transfer-encoding');
  const lengths = headerValues(headers, 'content-length');
  if (codings.length + lengths.length > 1) return null;
  const [coding] = codings;
  if (coding !== undefined) {
    return isCurrent && coding.toLowerCase() === 'chunked' ? { framing: FRAMING.chunked, bytes: 0 } : null;
  }
  const [stated] = lengths;
  if (stated === undefined) return { framing: FRAMING.untilEnd, bytes: 0 };
  const bytes = readLength(stated);
  return bytes === null ? null : { framing: FRAMING.length, bytes };
}

/** RFC 9112 §9.3; `Keep-Alive: timeout=5` is RFC 2068's. */
function keepAliveOf(headers: HeaderList, isCurrent: boolean): number | null {
  const tokens = headerTokens(headers, 'connection');
  if (isCurrent ? tokens.includes('close') : !tokens.includes('keep-alive')) return 0;
  const hint = headerTokens(headers, 'keep-alive').find((item) => item.startsWith('timeout='));
  const seconds = Number(hint?.slice('timeout='.length) ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}
