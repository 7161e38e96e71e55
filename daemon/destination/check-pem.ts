// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { LeatError } from '../errors/leat-error.ts';
import { Secret } from './secret.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** One or more certificates in PEM. @throws SECRET_INVALID where there is none or one can't be read */
export function checkCertificates(pem: string, what: string): string {
  readCertificates(pem, what);
  return pem;
}

/** A certificate chain and the private key of its first certificate. @throws SECRET_INVALID */
export function checkKeyPair(
  certificatePem: string,
  keyPem: string,
  what: string,
  password: string | null = null,
): { readonly certificate: string; readonly key: Secret; readonly notAfterMs: number } {
  const [leaf] = readCertificates(certificatePem, `the certificate of ${what}`);
  const { key, opened } = readPrivateKey(keyPem, what, password);
  if (leaf === undefined || !leaf.checkPrivateKey(opened)) {
    throw new LeatError('SECRET_INVALID', `the key of ${what} does not belong to its first certificate`);
  }
  return { certificate: certificatePem, key, notAfterMs: leaf.validToDate.getTime() };
}

/** A private key in PEM, decrypted with the password where it is encrypted. @throws SECRET_INVALID */
export function readPrivateKey(
  pem: string,
  what: string,
  password: string | null,
): { readonly key: Secret; readonly opened: KeyObject } {
  const isEncrypted = /ENCRYPTED/.test(pem);
  if (isEncrypted && password === null) {
    throw new LeatError('SECRET_INVALID', `the key of ${what} is encrypted: name its password with passwordKey`);
  }
  try {
    const opened = createPrivateKey(password === null ? pem : { key: pem, passphrase: password });
    return { key: new Secret(opened.export({ type: 'pkcs8', format: 'pem' }).toString()), opened };
  } catch (cause) {
    const why = isEncrypted ? 'can not be decrypted: its password is wrong' : 'is no private key in PEM';
    throw new LeatError('SECRET_INVALID', `the key of ${what} ${why}`, { cause });
  }
}

function readCertificates(pem: string, what: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new LeatError('SECRET_INVALID', `${what} holds no certificate in PEM`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new LeatError('SECRET_INVALID', `${what} holds a certificate that can't be read`, { cause });
  }
}
