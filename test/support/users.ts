// SPDX-License-Identifier: Apache-2.0
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWTPayload, SignJWT } from 'jose';
import { noteSecret } from './evidence.ts';
import { USER_ISSUER } from './strict-oauth-server.ts';

export interface Users {
  /** Verifies their tokens. */
  readonly keys: JSONWebKeySet;
  /** A token of a user; `claims` replaces. Expires in an hour unless told otherwise. */
  token(subject: string, claims?: JWTPayload): Promise<string>;
}

/** An identity provider of users, as far as its key goes. */
export async function createUsers(): Promise<Users> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'users', alg: 'RS256', use: 'sig' };
  return {
    keys: { keys: [jwk] },
    async token(subject, claims = {}) {
      const nowSeconds = Math.floor(Date.now() / 1000);
      const payload = {
        iss: USER_ISSUER,
        aud: 'leat',
        sub: subject,
        user_name: subject,
        exp: nowSeconds + 3600,
        ...claims,
      };
      const token = await new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', kid: 'users' })
        .setIssuedAt(nowSeconds)
        .sign(privateKey);
      noteSecret(`token of ${subject}`, token);
      return token;
    },
  };
}
