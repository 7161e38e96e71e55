// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';

/** Opens the connection that undici then speaks HTTP on; for `https:` origins it has done TLS already. */
export type OpenConnection = (host: string, port: number, signal: AbortSignal) => Promise<Socket | TLSSocket>;

/**
 * Lets undici use connections that Leat dials. `signal` ends an attempt that is under way: undici itself can't.
 */
export function undiciConnector(
  open: OpenConnection,
  signal: AbortSignal = new AbortController().signal,
): buildConnector.connector {
  return ({ hostname, port, protocol }, callback) => {
    // undici leaves the port empty where it is the scheme's own.
    const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    open(host, number, signal).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}
