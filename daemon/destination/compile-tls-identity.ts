// SPDX-License-Identifier: Apache-2.0
import { SECRET_KEY_DEFAULTS } from '../../api/defaults.ts';
import type {
  SigningKey as SigningKeySpec,
  TlsIdentity as TlsIdentitySpec,
} from '../../api/schema/credential-parts.ts';
import { LeatError } from '../errors/leat-error.ts';
import { readPkcs12 } from '../net/read-pkcs12.ts';
import type { SigningKey, TlsIdentity } from './authentication-parts.ts';
import { checkCertificates, checkKeyPair, readPrivateKey } from './check-pem.ts';
import type { ReadSecret } from './release-secret.ts';
import { Secret } from './secret.ts';

/** A certificate with its key, tried out: what can't be used is said here, not in a handshake. @throws SECRET_* */
export function compileTlsIdentity(spec: TlsIdentitySpec, readSecret: ReadSecret): TlsIdentity {
  const { secret, pkcs12Key, passwordKey } = spec;
  const password = passwordKey === undefined ? null : readSecret(secret, passwordKey);
  if (pkcs12Key !== undefined) {
    const file = readSecret.bytes(secret, pkcs12Key);
    return checkPkcs12(file, password ?? '', `key "${pkcs12Key}" of Secret ${secret}`);
  }
  const certificate = readSecret(secret, spec.certificateKey ?? SECRET_KEY_DEFAULTS.certificate);
  const key = readSecret(secret, spec.keyKey ?? SECRET_KEY_DEFAULTS.privateKey);
  return checkKeyPair(certificate, key, `Secret ${secret}`, password);
}

/** @throws SECRET_* */
export function compileSigningKey(spec: SigningKeySpec, readSecret: ReadSecret): SigningKey {
  const { secret, keyKey = SECRET_KEY_DEFAULTS.privateKey, passwordKey, certificateKey } = spec;
  const what = `Secret ${secret}`;
  const pem = readSecret(secret, keyKey);
  const password = passwordKey === undefined ? null : readSecret(secret, passwordKey);
  if (certificateKey === undefined) return { key: readPrivateKey(pem, what, password).key, certificate: null };
  const certificate = checkCertificates(readSecret(secret, certificateKey), `key "${certificateKey}" of ${what}`);
  const { key } = checkKeyPair(certificate, pem, what, password);
  return { key, certificate };
}

/** A key store with certificate and key. @throws SECRET_INVALID */
export function checkPkcs12(file: Buffer, password: string, what: string): TlsIdentity {
  const read = readPkcs12(file, password);
  if ('problem' in read) throw new LeatError('SECRET_INVALID', `${what} ${read.problem}`);
  return {
    pkcs12: new Secret(file.toString('base64')),
    passphrase: new Secret(password),
    ...(read.notAfterMs === null ? {} : { notAfterMs: read.notAfterMs }),
  };
}
