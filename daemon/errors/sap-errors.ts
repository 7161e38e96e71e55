// SPDX-License-Identifier: Apache-2.0
/**
 * How an error is told where SAP's transparent proxy would answer: on gateways, and on Destinations that are entries of a
 * Destination service. SAP's SDKs act on status and internal code (SAP Help, "Error Response Headers"; SAP Cloud SDK for
 * Java, `TransparentProxy`: 502 with 404 is "destination not found").
 */
import { ERROR_CODES, type ErrorCode, type ErrorOrigin } from './error-codes.ts';

/** Values of `X-Error-Origin`. */
type SapOrigin =
  | 'Transparent Proxy'
  | 'XSUAA'
  | 'Destination Service'
  | 'XSUAA/Destination Service'
  | 'Connectivity Proxy';

export interface SapError {
  readonly status: number;
  readonly origin: SapOrigin;
  /** Status of the call to SAP's own services that failed, as text; null: there was none. */
  readonly internalCode: string | null;
}

const ORIGINS: Readonly<Record<ErrorOrigin, SapOrigin>> = {
  client: 'Transparent Proxy',
  policy: 'Transparent Proxy',
  configuration: 'Transparent Proxy',
  credentials: 'XSUAA/Destination Service',
  tunnel: 'Connectivity Proxy',
  upstream: 'Transparent Proxy',
  leat: 'Transparent Proxy',
};

const FROM_SERVICE = { origin: 'Destination Service' } as const;
const NOT_FOUND = { ...FROM_SERVICE, internalCode: '404' } as const;

/** Where SAP's answer is another than the code's own. */
const OTHERWISE: Partial<Record<ErrorCode, Partial<SapError>>> = {
  CLIENT_ASSERTION_MIXED: FROM_SERVICE,
  USER_TOKEN_MISSING: { ...FROM_SERVICE, status: 400 },
  USER_TOKEN_INVALID: { ...FROM_SERVICE, status: 400 },
  DESTINATION_CALL_REFUSED: FROM_SERVICE,
  DESTINATION_ENTRY_NOT_FOUND: NOT_FOUND,
  FRAGMENT_NOT_FOUND: NOT_FOUND,
  DESTINATION_ENTRY_INVALID: FROM_SERVICE,
  DESTINATION_ENTRY_UNSUPPORTED: FROM_SERVICE,
  DESTINATION_URL_INVALID: { status: 404 },
  DESTINATION_ENTRY_PENDING: { status: 404 },
  DESTINATION_SERVICE_UNAVAILABLE: { origin: 'XSUAA/Destination Service' },
  DESTINATION_SOURCE_NOT_FOUND: { status: 502 },
  DESTINATION_NOT_READY: { status: 502 },
  TUNNEL_NOT_FOUND: { status: 502 },
  AUTH_TOKEN_ERROR: FROM_SERVICE,
  TENANT_UNKNOWN: { origin: 'XSUAA', internalCode: '404' },
  TENANT_NOT_SUBSCRIBED: { origin: 'XSUAA', internalCode: '401' },
};

/** Status, origin and internal code that SAP's transparent proxy answers with in place of Leat's code. */
export function sapError(code: ErrorCode): SapError {
  const { status, origin } = ERROR_CODES[code];
  return { status, origin: ORIGINS[origin], internalCode: null, ...OTHERWISE[code] };
}
