// SPDX-License-Identifier: Apache-2.0
import { basicCredential } from '../destination/basic-credential.ts';
import type { HttpConnectTunnel } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { GetToken } from './passage.ts';

/** RFC 6750 §2.1. */
const TOKEN = /^[-A-Za-z0-9._~+/]+=*$/;

/**
 * The value of Proxy-Authorization (RFC 9110 §11.7.2): Basic in UTF-8, or Bearer; null: none is sent.
 * @throws SECRET_INVALID; CREDENTIAL_UNAVAILABLE for a token that can't stand in a header, and what `token` throws
 */
export async function proxyCredential(
  authentication: HttpConnectTunnel['authentication'],
  token: GetToken,
): Promise<Secret | null> {
  switch (authentication.type) {
    case 'None':
      return null;
    case 'UserPassword':
      return basicCredential(authentication.username, authentication.password);
    case 'Bearer': {
      const value = (await token(authentication.client)).reveal();
      if (!TOKEN.test(value)) {
        throw new LeatError('CREDENTIAL_UNAVAILABLE', "the token for the tunnel can't stand in a header");
      }
      return new Secret(`Bearer ${value}`);
    }
  }
}
