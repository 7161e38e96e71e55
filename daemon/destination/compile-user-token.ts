// SPDX-License-Identifier: Apache-2.0
import type { UserToken } from '../../api/schema/credential-parts.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { TokenVerification, UserTokenRule } from './authentication-parts.ts';
import { checkCertificates } from './check-pem.ts';
import type { ReadSecret } from './release-secret.ts';

/**
 * @param isVouched whether Leat signs for the user: then the token must be verified, by keys that are named
 * @throws DESTINATION_NOT_READY where it could not be; SECRET_*
 */
export function compileUserToken(
  spec: UserToken | undefined,
  readSecret: ReadSecret,
  { isVouched }: { readonly isVouched: boolean },
): UserTokenRule {
  const { header, issuer, audience, jwks, jwksUri, ca } = spec ?? {};
  const isVerified = [issuer, audience, jwks, jwksUri].some((field) => field !== undefined);
  if (!isVerified && !isVouched) return { header: header ?? null, verification: null };
  if (issuer === undefined || audience === undefined || (jwks === undefined) === (jwksUri === undefined)) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      'userToken can not be verified: it needs issuer, audience, and either jwks or jwksUri',
    );
  }
  return {
    header: header ?? null,
    verification: { issuer, audience, keys: compileKeys(jwks, jwksUri, ca, readSecret) },
  };
}

function compileKeys(
  jwks: string | undefined,
  jwksUri: string | undefined,
  ca: UserToken['ca'],
  readSecret: ReadSecret,
): TokenVerification['keys'] {
  if (jwks !== undefined) return { jwks };
  if (jwksUri === undefined || URL.parse(jwksUri)?.protocol !== 'https:') {
    throw new LeatError('DESTINATION_NOT_READY', 'userToken.jwksUri is no URL of https://');
  }
  return {
    jwksUri,
    ca:
      ca === undefined ? null : checkCertificates(readSecret(ca.name, ca.key), `key "${ca.key}" of Secret ${ca.name}`),
  };
}
