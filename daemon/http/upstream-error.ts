// SPDX-License-Identifier: Apache-2.0
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { tlsError } from '../net/tls-error.ts';
import { errors } from '../net/undici.ts';

/**
 * What undici and Node's client throw, in Leat's codes. Their messages are not told on: they may repeat what a peer sent.
 */
export function upstreamError(error: unknown, upstreamName: string): LeatError {
  if (error instanceof LeatError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
      return new LeatError('UPSTREAM_TIMEOUT', `${upstreamName} did not answer in time`, { cause: error });
    case 'UND_ERR_BODY_TIMEOUT':
      return new LeatError('UPSTREAM_TIMEOUT', `${upstreamName} stopped in the middle of its answer`, { cause: error });
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return new LeatError('UPSTREAM_RESET', `${upstreamName} closed the connection before its answer was whole`, {
        cause: error,
      });
    case 'UND_ERR_HEADERS_OVERFLOW':
      return new LeatError('UPSTREAM_RESPONSE_INVALID', `${upstreamName} sent a header that is too large`, {
        cause: error,
      });
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
      return new LeatError('REQUEST_MALFORMED', 'the request is malformed: its body is not as long as it says', {
        cause: error,
      });
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return new LeatError('DRAINED', 'Leat is stopping', { cause: error });
  }
  if (
    code.startsWith('HPE_') ||
    error instanceof errors.HTTPParserError ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
  ) {
    return new LeatError('UPSTREAM_RESPONSE_INVALID', `${upstreamName} sent an answer that is no valid HTTP/1.1`, {
      cause: error,
    });
  }
  // TLS 1.3 tells some refusals behind its handshake (RFC 8446 §4.4.2.4): the first answer is an alert then.
  if (code.startsWith('ERR_SSL_')) return tlsError(upstreamName, error);
  return asLeatError(error);
}
