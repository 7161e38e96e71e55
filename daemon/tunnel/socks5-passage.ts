// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { Socks5Via, Upstream } from '../routing/route.ts';
import type { GetToken, Passage } from './passage.ts';
import { ATYP_IPV6, type TargetAddress, targetAddress } from './socks5-address.ts';
import { authenticate, requestConnect, type TunnelCredential } from './socks5-handshake.ts';

/** @throws TUNNEL_ADDRESS_UNSUPPORTED, DESTINATION_NOT_READY, CREDENTIAL_*: before anything is sent */
export async function prepareSocks5(
  { host, port, connectTimeoutMs }: Upstream,
  via: Socks5Via,
  token: GetToken,
): Promise<Passage> {
  const { tunnel, locationId } = via;
  const { authentication, handshakeTimeoutMs } = tunnel;
  const target = admitTarget(host, via);
  const credential: TunnelCredential =
    authentication.type === 'SapJwt'
      ? { type: 'SapJwt', token: await token(authentication.client), locationId }
      : authentication;
  return {
    introduce: (session) => authenticate(session, credential, handshakeTimeoutMs),
    ask: (session) =>
      requestConnect(session, target, port, {
        dialect: credential.type === 'SapJwt' ? 'sap' : 'rfc1928',
        // The far end dials within this step: it gets the time that a direct dial would have.
        timeoutMs: Math.max(handshakeTimeoutMs, connectTimeoutMs),
      }),
  };
}

/** @throws TUNNEL_ADDRESS_UNSUPPORTED, DESTINATION_NOT_READY: before anything is sent. */
export function admitTarget(host: string, { tunnel, locationId }: Socks5Via): TargetAddress {
  const target = targetAddress(host);
  const isSap = tunnel.authentication.type === 'SapJwt';
  if (isSap && target.type === ATYP_IPV6) {
    throw new LeatError(
      'TUNNEL_ADDRESS_UNSUPPORTED',
      `tunnel ${tunnel.name} takes host names and IPv4 addresses only (SAP method 0x80), not ${host}`,
    );
  }
  if (!isSap && locationId !== null) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      `tunnel ${tunnel.name} can not carry a location id: only authentication.type SapJwt does`,
    );
  }
  return target;
}
