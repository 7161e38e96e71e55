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
  /** For clients, its life over for years. */
  issueExpired(commonName: string): Promise<Certificate>;
}

const extensions = `
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
email_in_dn = no
[any]
commonName = supplied
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
    async issueExpired(name) {
      const { certificateFile, keyFile, key } = await issue('client', name, signed);
      const request = `${certificateFile}.csr`;
      const about = ['-config', configuration];
      await place.run(['openssl', 'req', '-new', '-key', keyFile, '-subj', `/CN=${name}`, ...about, '-out', request]);
      await writeFile(join(folder, 'index.txt'), '');
      // The one command of openssl that sets the end of a life into the past.
      const life = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
      const by = ['-cert', authority.certificateFile, '-keyfile', authority.keyFile, '-extensions', 'client'];
      await place.run(
        ['openssl', 'ca', '-batch', '-notext', ...about, ...by, ...life, '-in', request, '-out', certificateFile],
        { cwd: folder },
      );
      return { certificateFile, keyFile, key, certificate: await readFile(certificateFile, 'utf8') };
    },
  };
}
