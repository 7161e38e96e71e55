// SPDX-License-Identifier: Apache-2.0
/** What values of Secrets have to be, by where they go on the wire. Messages never hold the value. */
import { LeatError } from '../errors/leat-error.ts';
import { Secret } from './secret.ts';

const CONTROL = /[\x00-\x1f\x7f]/;
const LINE_END = /[\r\n]$/;

function invalid(what: string, why: string): LeatError {
  return new LeatError('SECRET_INVALID', `${what} ${why}`);
}

/** Text without control characters (RFC 7617 §2, RFC 6749 §A, and what would split a header). @throws SECRET_INVALID */
export function checkText(value: string, what: string): Secret {
  if (LINE_END.test(value)) throw invalid(what, 'ends in a line break: write it with printf, not with echo');
  if (CONTROL.test(value)) throw invalid(what, 'holds a control character');
  return new Secret(value);
}

/** User name of RFC 7617: a colon would end it. @throws SECRET_INVALID */
export function checkBasicUsername(value: string, what: string): Secret {
  if (value.includes(':')) throw invalid(what, 'holds a colon, which a Basic user name can not');
  return checkText(value, what);
}

/** Field value of RFC 9110 §5.5: no control character but tab, nothing beyond Latin-1, no blank at its ends. @throws SECRET_INVALID */
export function checkFieldValue(value: string, what: string): Secret {
  if (LINE_END.test(value)) throw invalid(what, 'ends in a line break: write it with printf, not with echo');
  if (value.trim() !== value || value === '') throw invalid(what, 'is empty, or begins or ends with a blank');
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw invalid(what, 'holds a character that no header may hold');
  return new Secret(value);
}

/** 1 to 255 bytes (RFC 1929 §2). @throws SECRET_INVALID */
export function checkSocksText(value: string, what: string): Secret {
  const sizeBytes = Buffer.byteLength(value);
  if (sizeBytes < 1 || sizeBytes > 255) throw invalid(what, `has ${sizeBytes} bytes; SOCKS5 takes 1 to 255`);
  return checkText(value, what);
}
