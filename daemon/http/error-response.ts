// SPDX-License-Identifier: Apache-2.0
import { ERROR_CODES } from '../errors/error-codes.ts';
import type { LeatError } from '../errors/leat-error.ts';
import { sapError } from '../errors/sap-errors.ts';
import { STATUS_CODES } from '../net/node-http.ts';
import type { HttpTarget } from '../routing/route.ts';
import { type HeaderList, headersText } from './header-list.ts';

export interface ErrorResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: string;
}

/** Whose words status, origin and internal code are: Leat's own, or those of SAP's transparent proxy. */
export type ErrorDialect = 'own' | 'sap';

/** SAP's, where SAP's control headers are read. */
export function dialectOf(target: HttpTarget | undefined): ErrorDialect {
  return target?.destination.controls === undefined ? 'own' : 'sap';
}

/**
 * What the application gets where Leat itself answers. `X-Error-Internal-Code` is the name that SAP's SDKs read,
 * `X-Internal-Error-Code` the one that SAP's documentation states: both are sent. Nothing of the request is repeated.
 */
export function errorResponse(error: LeatError, requestId: string, dialect: ErrorDialect): ErrorResponse {
  const { status, origin, internalCode } =
    dialect === 'sap' ? sapError(error.code) : { ...ERROR_CODES[error.code], internalCode: null };
  const code = internalCode ?? error.code;
  const message = headerText(error.message);
  const body = `${error.code}: ${message}\n`;
  return {
    status,
    reason: STATUS_CODES[status] ?? 'Refused',
    headers: [
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['Content-Length', String(Buffer.byteLength(body))],
      ['Cache-Control', 'no-store'],
      ['X-Error-Origin', origin],
      ['X-Error-Message', message],
      ['X-Error-Internal-Code', code],
      ['X-Internal-Error-Code', code],
      ['X-Request-Id', requestId],
      ...(dialect === 'sap' ? ([['X-Proxy-Server', 'Transparent Proxy']] as const) : []),
      ...(status === 401 ? ([['WWW-Authenticate', challenge(error)]] as const) : []),
    ],
    body,
  };
}

/** RFC 6750 §3.1: a request that said nothing of a user gets no error code. */
function challenge({ code }: LeatError): string {
  return code === 'USER_TOKEN_INVALID' ? 'Bearer error="invalid_token"' : 'Bearer';
}

/** The whole message as bytes, for a connection without a parser: upgrades, requests that could not be read, the plain path. */
export function errorResponseBytes({ status, reason, headers, body }: ErrorResponse, isLast = true): Buffer {
  const end = isLast ? 'Connection: close\r\n\r\n' : '\r\n';
  return Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${headersText(headers)}${end}${body}`, 'latin1');
}

/** Whether the connection can't be used any further: what follows on it could be read as another request. */
export function endsConnection({ code }: LeatError): boolean {
  return (
    code === 'REQUEST_MALFORMED' ||
    code === 'REQUEST_HOST_MISMATCH' ||
    code === 'REQUEST_HEADERS_TOO_LARGE' ||
    code === 'REQUEST_TIMEOUT'
  );
}

const MAX_MESSAGE_CHARACTERS = 512;

/** Messages may name what a client sent, in any characters. */
function headerText(message: string): string {
  return message.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_MESSAGE_CHARACTERS);
}
