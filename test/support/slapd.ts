// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import { noteSecret } from './evidence.ts';
import { listens, type Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface SlapdOptions extends ListenOptions {
  /** The distinguished name below which everything is. */
  readonly suffix: string;
  /** Who may read and write everything. */
  readonly root: { readonly dn: string; readonly password: string };
  /** Entries as LDIF. */
  readonly ldif: string;
  /** For StartTLS, and for ldaps at `tlsPort`. */
  readonly tls: Certificate;
  readonly tlsPort: number;
}

/** Starts OpenLDAP's slapd on a folder of its own; nobody reads without having bound. */
export async function startSlapd(place: Place, options: SlapdOptions): Promise<StartedServer> {
  noteSecret('password of the root of slapd', options.root.password);
  const at = await listenAt(place, options, 389);
  const folder = await place.tempDir();
  const file = join(folder, 'slapd.conf');
  await mkdir(join(folder, 'db'));
  await writeFile(file, configuration(folder, options), { mode: 0o600 });
  // Ubuntu's AppArmor keeps the installed one out of all folders but its own.
  const program = join(folder, 'slapd');
  await copyFile('/usr/sbin/slapd', program);
  await place.run([program, '-Tadd', '-q', '-f', file], { input: options.ldif });
  const urls = `ldap://${at.address}:${at.port} ldaps://${at.address}:${options.tlsPort}`;
  const running = await place.spawn([program, '-d', '0', '-f', file, '-h', urls], {
    readyWhen: () => listens(place, at.port),
  });
  return startedServer(at, running);
}

function configuration(folder: string, { suffix, root, tls }: SlapdOptions): string {
  return `include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${tls.certificateFile}
TLSCertificateKeyFile ${tls.keyFile}
database mdb
suffix "${suffix}"
rootdn "${root.dn}"
rootpw ${root.password}
directory ${folder}/db
access to * by * auth
`;
}
