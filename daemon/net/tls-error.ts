// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

const UNKNOWN_CA = 'its certificate is signed by nobody who is trusted here: give the signer as `ca`';

const CAUSES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: its operator must renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check the clocks',
  CERT_REVOKED: 'its certificate was revoked',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_CA,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names: set `tls.serverName` to one of them',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not answer with TLS: the port may speak cleartext',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not answer with TLS: the port may speak cleartext',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks no TLS 1.2 or newer',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks no TLS 1.2 or newer',
  ERR_SSL_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks no TLS 1.2 or newer',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a client certificate: authenticate by ClientCertificate',
  ECONNRESET: 'it ended the connection during the handshake',
  closed: 'it ended the connection during the handshake',
};

/** Why TLS to an upstream failed, and what cures it. */
export function tlsError(serverName: string, cause: unknown): LeatError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'closed';
  const reason = CAUSES[code] ?? 'the handshake failed';
  return new LeatError('UPSTREAM_TLS_FAILED', `no TLS with ${serverName}: ${reason} (${code})`, { cause });
}
