// SPDX-License-Identifier: Apache-2.0
/** Key stores and trust stores of an entry: they come along in `certificates`, named by their location. */
import type { TlsIdentity } from '../destination/authentication-parts.ts';
import { checkCertificates, checkKeyPair } from '../destination/check-pem.ts';
import { checkPkcs12 } from '../destination/compile-tls-identity.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { ServiceAnswer } from './parse-answer.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/;

/** The certificate that is shown to the target. @throws DESTINATION_ENTRY_INVALID, _UNSUPPORTED, SECRET_INVALID */
export function readKeyStore(answer: ServiceAnswer): TlsIdentity {
  const { KeyStoreLocation: location = '', KeyStorePassword: password = '' } = answer.configuration;
  if (answer.configuration['KeyStore.Source'] === 'ClientProvided') {
    throw new LeatError('DESTINATION_ENTRY_UNSUPPORTED', 'KeyStore.Source ClientProvided is not supported');
  }
  const { content, extension } = find(answer, location, 'KeyStoreLocation');
  const what = 'the key store of the entry';
  if (extension === 'p12' || extension === 'pfx') return checkPkcs12(content, password, what);
  if (extension !== 'pem') throw unknownKind('KeyStoreLocation', 'p12, pfx and pem');
  const text = content.toString('latin1');
  const certificates = text.match(CERTIFICATE)?.join('\n') ?? '';
  const key = PRIVATE_KEY.exec(text)?.[0] ?? '';
  return checkKeyPair(certificates, key, what, password === '' ? null : password);
}

/** PEM that replaces the system's roots; null where the entry names none. @throws as {@link readKeyStore} */
export function readTrustStore(answer: ServiceAnswer): string | null {
  const { TrustStoreLocation: location = '' } = answer.configuration;
  if (location === '') return null;
  const { content, extension } = find(answer, location, 'TrustStoreLocation');
  const what = 'the trust store of the entry';
  const text = content.toString('latin1');
  switch (extension) {
    case 'pem':
    case 'crt':
    case 'cer':
    case 'der':
      return checkCertificates(text.match(CERTIFICATE)?.join('\n') ?? derToPem(content), what);
    default:
      throw unknownKind('TrustStoreLocation', 'pem, crt, cer and der');
  }
}

function derToPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function find({ certificates }: ServiceAnswer, location: string, property: string) {
  const found = certificates.find(({ name }) => name === location);
  if (found === undefined) {
    const why = location === '' ? 'is missing' : 'names a certificate that the service does not give';
    throw new LeatError('DESTINATION_ENTRY_INVALID', `${property} ${why}`);
  }
  return { content: found.content, extension: location.slice(location.lastIndexOf('.') + 1).toLowerCase() };
}

function unknownKind(property: string, known: string): LeatError {
  return new LeatError(
    'DESTINATION_ENTRY_UNSUPPORTED',
    `${property} is of a kind that is not supported: known are ${known}`,
  );
}
