// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey } from 'node:crypto';
import { SAML_DEFAULTS } from '../../api/defaults.ts';
import type { AuthenticationSpec } from '../../api/kinds/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { SamlRule } from './authentication-parts.ts';
import { compileSigningKey } from './compile-tls-identity.ts';
import type { ReadSecret } from './release-secret.ts';

const EMAIL = /:emailAddress$/;

/**
 * @param recipient who the assertion is for where the Destination does not say; null: it must say
 * @throws SECRET_*, DESTINATION_NOT_READY
 */
export function compileSaml(
  spec: NonNullable<AuthenticationSpec['saml']>,
  recipient: string | null,
  readSecret: ReadSecret,
): SamlRule {
  const signingKey = compileSigningKey(spec.signingKey, readSecret);
  if (createPrivateKey(signingKey.key.reveal()).asymmetricKeyType !== 'rsa') {
    throw new LeatError(
      'SECRET_INVALID',
      `the key of Secret ${spec.signingKey.secret} is no RSA key, which SAML needs`,
    );
  }
  const asked = spec.recipient ?? recipient;
  if (asked === null) throw new LeatError('DESTINATION_NOT_READY', 'saml needs a recipient');
  const nameIdFormat = spec.nameIdFormat ?? SAML_DEFAULTS.nameIdFormat;
  return {
    signingKey,
    issuer: spec.issuer,
    audience: spec.audience,
    recipient: asked,
    nameIdFormat,
    nameIdClaim: spec.nameIdClaim ?? (EMAIL.test(nameIdFormat) ? 'email' : SAML_DEFAULTS.nameIdClaim),
    authnContextClassRef: spec.authnContextClassRef ?? SAML_DEFAULTS.authnContextClassRef,
    attributes: spec.attributes ?? [],
    lifetimeMs: spec.lifetimeMs ?? SAML_DEFAULTS.lifetimeMs,
  };
}
