// SPDX-License-Identifier: Apache-2.0
/**
 * Every way in which Leat refuses or fails, in one table. Nothing else interprets errors: the code decides the response
 * flag in access log and metrics, the HTTP status where the client speaks HTTP, and whose fault it is.
 * docs/errors.md describes each code; `scripts/check` holds the two together.
 */

/** Who caused it, in the words of the `X-Error-Origin` header. */
export type ErrorOrigin = 'client' | 'policy' | 'configuration' | 'credentials' | 'tunnel' | 'upstream' | 'leat';

export interface ErrorCodeEntry {
  /** Short, closed set; the label of metrics. */
  readonly flag: string;
  /** HTTP status that a client sees, where it speaks HTTP; a client that does not gets a reset. */
  readonly status: number;
  readonly origin: ErrorOrigin;
}

function entry(flag: string, status: number, origin: ErrorOrigin): ErrorCodeEntry {
  return { flag, status, origin };
}

export const ERROR_CODES = {
  // capture and identity
  ORIGINAL_DESTINATION_UNREADABLE: entry('NO_ORIGINAL_DST', 502, 'leat'),
  SELF_CALL: entry('SELF_CALL', 403, 'client'),
  SOURCE_UNKNOWN: entry('NO_IDENTITY', 403, 'client'),
  SOURCE_AMBIGUOUS: entry('NO_IDENTITY', 403, 'client'),
  SOURCE_NOT_ENROLLED: entry('NOT_ENROLLED', 403, 'client'),
  NAME_UNKNOWN: entry('NO_NAME', 403, 'client'),
  NOT_READY: entry('NOT_READY', 503, 'leat'),
  // decision
  HOST_NOT_MANAGED: entry('NO_DESTINATION', 403, 'policy'),
  PORT_NOT_DECLARED: entry('DENIED', 403, 'policy'),
  DEFAULT_DENIED: entry('DENIED', 403, 'policy'),
  CONNECTION_LIMIT: entry('LIMIT', 503, 'policy'),
  PATH_NOT_DECLARED: entry('NO_DESTINATION', 404, 'policy'),
  DESTINATION_NOT_READY: entry('NOT_READY', 503, 'configuration'),
  SECRET_NOT_FOUND: entry('NOT_READY', 503, 'configuration'),
  SECRET_NOT_RELEASED: entry('NOT_READY', 503, 'configuration'),
  SECRET_KEY_MISSING: entry('NOT_READY', 503, 'configuration'),
  SECRET_INVALID: entry('NOT_READY', 503, 'configuration'),
  TUNNEL_NOT_FOUND: entry('NOT_READY', 503, 'configuration'),
  TUNNEL_NOT_ALLOWED: entry('DENIED', 403, 'policy'),
  ROUTE_UNSUPPORTED: entry('NOT_READY', 503, 'configuration'),
  CLEARTEXT_REFUSED: entry('DENIED', 403, 'policy'),
  // Destination service
  DESTINATION_SOURCE_NOT_FOUND: entry('NOT_READY', 503, 'configuration'),
  DESTINATION_SOURCE_NOT_ALLOWED: entry('DENIED', 403, 'policy'),
  DESTINATION_SERVICE_UNAVAILABLE: entry('NOT_READY', 503, 'configuration'),
  DESTINATION_ENTRY_PENDING: entry('NOT_READY', 503, 'configuration'),
  DESTINATION_ENTRY_NOT_FOUND: entry('NOT_READY', 502, 'configuration'),
  FRAGMENT_NOT_FOUND: entry('NOT_READY', 502, 'configuration'),
  DESTINATION_ENTRY_INVALID: entry('NOT_READY', 502, 'configuration'),
  DESTINATION_ENTRY_UNSUPPORTED: entry('NOT_READY', 502, 'configuration'),
  DESTINATION_URL_INVALID: entry('NOT_READY', 502, 'configuration'),
  DESTINATION_CALL_REFUSED: entry('BAD_REQUEST', 400, 'client'),
  CONNECTIVITY_NOT_CONFIGURED: entry('NOT_READY', 502, 'configuration'),
  REGION_UNKNOWN: entry('NOT_READY', 502, 'configuration'),
  TENANT_UNKNOWN: entry('NO_TENANT', 500, 'credentials'),
  TENANT_NOT_SUBSCRIBED: entry('NO_TENANT', 500, 'credentials'),
  // headers that say what a request is for
  CONTROL_HEADER_REPEATED: entry('BAD_REQUEST', 400, 'client'),
  CONTROL_HEADER_MISSING: entry('BAD_REQUEST', 400, 'client'),
  CONTROL_HEADER_INVALID: entry('BAD_REQUEST', 400, 'client'),
  CONTROL_HEADER_NOT_HERE: entry('BAD_REQUEST', 400, 'client'),
  CLIENT_ASSERTION_MIXED: entry('BAD_REQUEST', 400, 'client'),
  // the client's bytes
  REQUEST_MALFORMED: entry('BAD_REQUEST', 400, 'client'),
  REQUEST_HOST_MISMATCH: entry('BAD_REQUEST', 421, 'client'),
  REQUEST_HEADERS_TOO_LARGE: entry('BAD_REQUEST', 431, 'client'),
  REQUEST_TIMEOUT: entry('CLIENT_TIMEOUT', 408, 'client'),
  CLIENT_HELLO_INVALID: entry('BAD_REQUEST', 400, 'client'),
  CLIENT_HELLO_TIMEOUT: entry('CLIENT_TIMEOUT', 408, 'client'),
  SERVER_NAME_MISMATCH: entry('BAD_REQUEST', 421, 'client'),
  CLIENT_RESET: entry('CLIENT_RESET', 499, 'client'),
  // credentials
  CREDENTIAL_UNAVAILABLE: entry('CREDENTIAL', 503, 'credentials'),
  CREDENTIAL_REJECTED: entry('CREDENTIAL', 502, 'credentials'),
  AUTH_TOKEN_ERROR: entry('CREDENTIAL', 502, 'credentials'),
  USER_TOKEN_MISSING: entry('USER_TOKEN', 401, 'client'),
  USER_TOKEN_INVALID: entry('USER_TOKEN', 401, 'client'),
  // tunnel
  TUNNEL_UNREACHABLE: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_TIMEOUT: entry('TUNNEL', 504, 'tunnel'),
  TUNNEL_PROTOCOL: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_AUTHENTICATION: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_FAILURE: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_FORBIDDEN: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_NETWORK_UNREACHABLE: entry('TUNNEL', 503, 'tunnel'),
  TUNNEL_HOST_UNREACHABLE: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_CONNECTION_REFUSED: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_TTL_EXPIRED: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_COMMAND_UNSUPPORTED: entry('TUNNEL', 502, 'tunnel'),
  TUNNEL_ADDRESS_UNSUPPORTED: entry('TUNNEL', 502, 'tunnel'),
  // upstream
  UPSTREAM_ADDRESS_REFUSED: entry('DENIED', 403, 'policy'),
  UPSTREAM_UNRESOLVED: entry('UPSTREAM_CONNECT', 502, 'upstream'),
  UPSTREAM_CONNECT_TIMEOUT: entry('UPSTREAM_CONNECT', 504, 'upstream'),
  UPSTREAM_CONNECT_FAILED: entry('UPSTREAM_CONNECT', 502, 'upstream'),
  UPSTREAM_TLS_FAILED: entry('UPSTREAM_TLS', 502, 'upstream'),
  UPSTREAM_TIMEOUT: entry('UPSTREAM_TIMEOUT', 504, 'upstream'),
  UPSTREAM_RESET: entry('UPSTREAM_RESET', 502, 'upstream'),
  UPSTREAM_RESPONSE_INVALID: entry('UPSTREAM_PROTOCOL', 502, 'upstream'),
  // the life of a connection
  IDLE_TIMEOUT: entry('IDLE', 408, 'leat'),
  DRAINED: entry('DRAIN', 503, 'leat'),
  INTERNAL: entry('INTERNAL', 500, 'leat'),
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
