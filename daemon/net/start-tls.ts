// SPDX-License-Identifier: Apache-2.0
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from './deadline.ts';
import { rememberCarrier } from './reset-socket.ts';
import { secureContextFor, type TlsMaterial } from './secure-context.ts';
import { keepErrorForNextOwner } from './socket-ownership.ts';
import { tlsError } from './tls-error.ts';

export interface StartTlsOptions extends TlsMaterial {
  /** Name that is sent as SNI and that the certificate must hold. An IP address is verified and not sent (RFC 6066 §3). */
  readonly serverName: string;
  readonly alpnProtocols?: readonly string[];
  /** Whoever answers is taken for the server. Only where an administrator says so. */
  readonly isUnverified?: true | undefined;
}

export interface StartTlsLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | null;
}

/**
 * TLS over a connected socket, 1.2 or newer, verified unless `isUnverified`. Half-open as the socket is; paused. Takes the socket over:
 * on failure it is destroyed. Roots without `ca` are those of Node.js (NODE_EXTRA_CA_CERTS and NODE_USE_SYSTEM_CA apply).
 * @throws UPSTREAM_TLS_FAILED; SECRET_INVALID where certificate or key can't be used; the signal's reason
 */
export async function startTls(socket: Socket, options: StartTlsOptions, limits: StartTlsLimits): Promise<TLSSocket> {
  const onTimeout = (): LeatError =>
    new LeatError(
      'UPSTREAM_TLS_FAILED',
      `no TLS with ${options.serverName} within ${limits.timeoutMs} ms: the port may not speak TLS`,
    );
  let secured: TLSSocket | null = null;
  try {
    const secureContext = secureContextFor(options);
    return await withDeadline(limits.timeoutMs, onTimeout, limits.signal, () => {
      if (socket.destroyed) throw tlsError(options.serverName, socket.errored);
      secured = connect({ ...identity(options), secureContext, socket });
      rememberCarrier(secured, socket);
      return handshake(secured, options.serverName);
    });
  } catch (error) {
    (secured as TLSSocket | null)?.destroy();
    socket.destroy();
    throw error;
  }
}

/** An address must not be sent as SNI; given as `host` it is verified against the certificate's IP SANs. */
function identity({ serverName, alpnProtocols, isUnverified }: StartTlsOptions): ConnectionOptions {
  return {
    ...(isIP(serverName) === 0 ? { servername: serverName } : { host: serverName }),
    ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
    rejectUnauthorized: isUnverified !== true,
  };
}

function handshake(secured: TLSSocket, serverName: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    keepErrorForNextOwner(secured);
    const onEnd = (): void => reject(tlsError(serverName, null));
    const onError = (cause: unknown): void => reject(tlsError(serverName, cause));
    secured.once('error', onError);
    secured.once('close', onEnd);
    secured.once('secureConnect', () => {
      secured.off('error', onError);
      secured.off('close', onEnd);
      secured.pause();
      resolve(secured);
    });
  });
}
