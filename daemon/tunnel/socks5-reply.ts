// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from '../errors/error-codes.ts';
import { LeatError } from '../errors/leat-error.ts';

/** Whose words a reply code is in: RFC 1928 §6, or SAP's Connectivity Proxy, which uses the same numbers otherwise. */
export type ReplyDialect = 'rfc1928' | 'sap';

type Meaning = readonly [ErrorCode, string];

const RFC1928: Readonly<Record<number, Meaning>> = {
  1: ['TUNNEL_FAILURE', 'general failure of the SOCKS server'],
  2: ['TUNNEL_FORBIDDEN', 'its rules do not allow the connection'],
  3: ['TUNNEL_NETWORK_UNREACHABLE', 'it has no route to the network of the target'],
  4: ['TUNNEL_HOST_UNREACHABLE', 'it can not reach or resolve the target'],
  5: ['TUNNEL_CONNECTION_REFUSED', 'the target refuses the connection'],
  6: ['TUNNEL_TTL_EXPIRED', 'packets to the target go in circles (TTL expired)'],
  7: ['TUNNEL_COMMAND_UNSUPPORTED', 'it does not support CONNECT'],
  8: ['TUNNEL_ADDRESS_UNSUPPORTED', 'it does not support this type of address'],
};

const SAP: Readonly<Record<number, Meaning>> = {
  1: ['TUNNEL_FAILURE', 'the backend closed the connection, or the Cloud Connector failed'],
  2: ['TUNNEL_FORBIDDEN', 'no mapping of the Cloud Connector exposes this virtual host and port'],
  3: [
    'TUNNEL_NETWORK_UNREACHABLE',
    'no Cloud Connector is connected to the subaccount, or the location id is not the one of any',
  ],
  4: ['TUNNEL_HOST_UNREACHABLE', 'the Cloud Connector can not open a connection to the backend'],
  5: ['TUNNEL_AUTHENTICATION', 'the token is not accepted: check the OAuth client of the Tunnel'],
  7: ['TUNNEL_COMMAND_UNSUPPORTED', 'it supports CONNECT only'],
  8: ['TUNNEL_ADDRESS_UNSUPPORTED', 'it supports host names and IPv4 addresses only'],
};

/** What a reply code other than 0 means. `request` names tunnel and target. */
export function replyError(code: number, dialect: ReplyDialect, request: string): LeatError {
  const [errorCode, meaning] = (dialect === 'sap' ? SAP : RFC1928)[code] ?? [
    'TUNNEL_FAILURE' as const,
    'a code that has no meaning',
  ];
  return new LeatError(errorCode, `${request}: ${meaning} (SOCKS5 reply ${code})`);
}
