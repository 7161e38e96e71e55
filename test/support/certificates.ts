// SPDX-License-Identifier: Apache-2.0
import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { noteSecret } from './evidence.ts';
import type { Place } from './place.ts';

/** A certificate and its key, as PEM files and as text. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority of one test. */
export interface Authority extends Certificate {
  /** For servers; names and IP addresses become subject alternative names. */
  issueServer(...names: string[]): Promise<Certificate>;
  /** For clients (mTLS). */
  issueClient(commonName: string): Promise<Certificate>;
}

const extensions = `
[req]
distinguished_name = dn
[dn]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;

/** Makes a certificate authority with openssl(1): P-256 keys, valid for two days. */
export async function createAuthority(place: Place, commonName = 'Leat test authority'): Promise<Authority> {
  const folder = await place.tempDir();
  const configuration = join(folder, 'openssl.cnf');
  await writeFile(configuration, extensions);
  let count = 0;

  async function issue(section: string, subject: string, options: readonly string[]): Promise<Certificate> {
    count += 1;
    const certificateFile = join(folder, `${count}.crt`);
    const keyFile = join(folder, `${count}.key`);
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', keyFile];
    const about = ['-config', configuration, '-extensions', section, '-subj', `/CN=${subject}`, '-days', '2'];
    await place.run(['openssl', 'req', '-x509', ...newKey, ...about, ...options, '-out', certificateFile]);
    const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
    noteSecret(`key of ${subject}`, key);
    return { certificateFile, keyFile, certificate, key };
  }

  const authority = await issue('authority', commonName, []);
  const signed = ['-CA', authority.certificateFile, '-CAkey', authority.keyFile];
  return {
    ...authority,
    issueServer(...names) {
      const alternatives = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(',');
      return issue('server', (names[0] ?? 'localhost').slice(0, 64), [
        ...signed,
        '-addext',
        `subjectAltName=${alternatives}`,
      ]);
    },
    issueClient: (name) => issue('client', name, signed),
  };
}
