// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection: nothing listens there, or a firewall rejects it',
  ECONNRESET: 'reset the connection while it was made',
  EHOSTUNREACH: 'is unreachable: no host answers, or a router or firewall says so',
  ENETUNREACH: 'is unreachable: this node has no route to its network',
  EADDRNOTAVAIL: 'can not be connected to: no local address or port is left for it',
  EACCES: 'may not be connected to: the local firewall forbids it',
  EPERM: 'may not be connected to: the local firewall forbids it',
  EMFILE: 'can not be connected to: the limit of open files of this daemon is reached',
  ENFILE: 'can not be connected to: the limit of open files of this node is reached',
};

/** What an errno of connect(2) means. `ETIMEDOUT` is UPSTREAM_CONNECT_TIMEOUT, all others UPSTREAM_CONNECT_FAILED. */
export function connectionError(peer: string, cause: unknown): LeatError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  if (code === 'ETIMEDOUT') {
    return new LeatError(
      'UPSTREAM_CONNECT_TIMEOUT',
      `${peer} does not answer: it is down, or packets to it are dropped (ETIMEDOUT)`,
      { cause },
    );
  }
  return new LeatError('UPSTREAM_CONNECT_FAILED', `${peer} ${CAUSES[code] ?? 'can not be connected to'} (${code})`, {
    cause,
  });
}
