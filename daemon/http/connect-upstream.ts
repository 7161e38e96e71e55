// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { Authentication } from '../destination/destination.ts';
import { startTls } from '../net/start-tls.ts';
import type { HttpTarget } from '../routing/route.ts';
import type { Dial } from './ports.ts';

/** Dials a target and, where Leat originates it, starts TLS with the Destination's client certificate. */
export async function connectUpstream(
  dial: Dial,
  { upstream, tls }: HttpTarget,
  authentication: Authentication,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await dial(upstream, signal);
  if (tls === null) return socket;
  return startTls(
    socket,
    {
      serverName: tls.serverName ?? upstream.host,
      ca: tls.ca,
      isUnverified: tls.isUnverified,
      // HTTP/2 is not spoken here: an upstream that has nothing else says so in the handshake.
      alpnProtocols: ['http/1.1'],
      ...(authentication.type === 'ClientCertificate' ? identityOf(authentication) : {}),
    },
    { timeoutMs: upstream.connectTimeoutMs, signal },
  );
}

function identityOf({ certificate, key, ...rest }: Extract<Authentication, { type: 'ClientCertificate' }>) {
  if (rest.pkcs12 === undefined) return { certificate, key };
  return { pkcs12: rest.pkcs12, passphrase: 'passphrase' in rest ? rest.passphrase : undefined };
}
