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

/** A certificate chain and the private key of its first certificate, not encrypted. @throws SECRET_INVALID */
export function checkKeyPair(
  certificatePem: string,
  keyPem: string,
  what: string,
): { readonly certificate: string; readonly key: Secret } {
  const [leaf] = readCertificates(certificatePem, `the certificate of ${what}`);
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch (cause) {
    throw new LeatError('SECRET_INVALID', `the key of ${what} is no private key in PEM, or is encrypted`, { cause });
  }
  if (leaf === undefined || !leaf.checkPrivateKey(key)) {
    throw new LeatError('SECRET_INVALID', `the key of ${what} does not belong to its first certificate`);
  }
  return { certificate: certificatePem, key: new Secret(keyPem) };
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
