// SPDX-License-Identifier: Apache-2.0
import { SECRET_KEY_DEFAULTS } from '../../api/defaults.ts';
import type { AuthenticationSpec } from '../../api/kinds/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import { checkKeyPair } from './check-pem.ts';
import { checkBasicUsername, checkFieldValue, checkText } from './check-value.ts';
import { compileOAuth2Client } from './compile-oauth2-client.ts';
import type { Authentication } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import type { Secret } from './secret.ts';

/** @throws SECRET_*, CLEARTEXT_REFUSED; DESTINATION_NOT_READY where the field that belongs to the type is missing */
export function compileAuthentication(spec: AuthenticationSpec, readSecret: ReadSecret): Authentication {
  switch (spec.type) {
    case 'None':
      return { type: 'None' };
    case 'Basic':
      return {
        type: 'Basic',
        ...readUserPassword(given(spec.basic, 'basic'), readSecret, checkBasicUsername, checkText),
      };
    case 'Header': {
      const { name, prefix = '', secret, key } = given(spec.header, 'header');
      const value = checkFieldValue(readSecret(secret, key), `key "${key}" of Secret ${secret}`);
      return { type: 'Header', name, prefix, value };
    }
    case 'ClientCertificate': {
      const { secret, certificateKey, keyKey } = given(spec.clientCertificate, 'clientCertificate');
      const certificate = readSecret(secret, certificateKey ?? SECRET_KEY_DEFAULTS.certificate);
      const key = readSecret(secret, keyKey ?? SECRET_KEY_DEFAULTS.privateKey);
      return { type: 'ClientCertificate', ...checkKeyPair(certificate, key, `Secret ${secret}`) };
    }
    case 'OAuth2ClientCredentials':
      return { type: 'OAuth2ClientCredentials', client: compileOAuth2Client(given(spec.oauth2, 'oauth2'), readSecret) };
  }
}

type UserPasswordSpec = NonNullable<AuthenticationSpec['basic']>;
type Check = (value: string, what: string) => Secret;

/** @throws SECRET_* */
export function readUserPassword(
  spec: UserPasswordSpec,
  readSecret: ReadSecret,
  checkUsername: Check,
  checkPassword: Check,
): { readonly username: Secret; readonly password: Secret } {
  const { secret, usernameKey = SECRET_KEY_DEFAULTS.username, passwordKey = SECRET_KEY_DEFAULTS.password } = spec;
  return {
    username: checkUsername(readSecret(secret, usernameKey), `key "${usernameKey}" of Secret ${secret}`),
    password: checkPassword(readSecret(secret, passwordKey), `key "${passwordKey}" of Secret ${secret}`),
  };
}

/** The schema can't tie a type to its field where API servers must agree; so it is said here too. */
export function given<T>(field: T | undefined, name: string): T {
  if (field !== undefined) return field;
  throw new LeatError('DESTINATION_NOT_READY', `authentication says a type but not its field ${name}`);
}
