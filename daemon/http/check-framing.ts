// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { type HeaderList, headerValues } from './header-list.ts';

export interface RequestHead {
  readonly method: string;
  /** Request target as it came. */
  readonly url: string;
  /** `1.1`. */
  readonly httpVersion: string;
  readonly headers: HeaderList;
}

/**
 * Refuses a message whose end two parsers could see at different places (request smuggling, RFC 9112 §11.2).
 *
 * Node's strict parser already refuses Content-Length with Transfer-Encoding, several or non-digit Content-Length,
 * obs-fold, bare LF and CR, control characters and white space before the colon; the framing cases of the tests hold it
 * to that. It does let pass what is refused here: codings before `chunked` or instead of it, a coding in HTTP/1.0,
 * versions other than 1.0 and 1.1, several Hosts and none.
 * @throws REQUEST_MALFORMED
 */
export function checkFraming({ httpVersion, headers }: RequestHead): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw malformed(`HTTP version ${httpVersion} is not served`);

  const codings = headerValues(headers, 'transfer-encoding');
  const lengths = headerValues(headers, 'content-length');
  if (codings.length > 0) {
    if (httpVersion === '1.0') throw malformed('transfer-encoding in an HTTP/1.0 request');
    if (lengths.length > 0) throw malformed('both content-length and transfer-encoding');
    if (codings.length > 1 || codings[0]?.trim().toLowerCase() !== 'chunked') {
      throw malformed('a transfer-encoding other than chunked');
    }
  }
  if (lengths.length > 1) throw malformed('several content-length fields');
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) throw malformed('content-length is no number');

  const hosts = headerValues(headers, 'host');
  if (hosts.length !== 1) throw malformed(hosts.length === 0 ? 'no host field' : 'several host fields');
}

function malformed(what: string): LeatError {
  return new LeatError('REQUEST_MALFORMED', `the request is malformed: ${what}`);
}
