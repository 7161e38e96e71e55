// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import { noteSecret } from './evidence.ts';
import type { Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface MariadbOptions extends ListenOptions {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Statements that run in the database before the server is up. */
  readonly sql?: readonly string[];
  /** Offers TLS beside connections without it. */
  readonly tls?: Certificate;
}

/** Starts MariaDB, in whose protocol the server speaks first, on a folder of its own; tables are Aria's, which start at once. */
export async function startMariadb(place: Place, options: MariadbOptions): Promise<StartedServer> {
  noteSecret('password of the user of MariaDB', options.password);
  const at = await listenAt(place, options, 3306);
  const folder = await place.tempDir();
  const first = join(folder, 'first.sql');
  await writeFile(first, firstStatements(options), { mode: 0o600 });
  const common = [
    '--no-defaults',
    '--user=root',
    `--datadir=${join(folder, 'data')}`,
    `--tmpdir=${folder}`,
    '--skip-innodb',
    '--default-storage-engine=Aria',
    '--enforce-storage-engine=',
  ];
  await place.run(['mariadb-install-db', ...common, '--skip-name-resolve', '--skip-test-db', `--extra-file=${first}`]);
  const { tls } = options;
  const listening = [`--bind-address=${at.address}`, `--port=${at.port}`, `--socket=${join(folder, 'socket')}`];
  if (tls !== undefined) listening.push(`--ssl-cert=${tls.certificateFile}`, `--ssl-key=${tls.keyFile}`);
  const running = await place.spawn(['mariadbd', ...common, ...listening], { readyWhen: /ready for connections/ });
  return startedServer(at, running);
}

/** Until privileges are read, no account can be made. */
function firstStatements({ user, password, database, sql = [] }: MariadbOptions): string {
  return [
    `CREATE DATABASE ${database};`,
    `USE ${database};`,
    ...sql.map((statement) => `${statement};`),
    'FLUSH PRIVILEGES;',
    `CREATE USER ${user} IDENTIFIED BY '${password}';`,
    `GRANT ALL ON ${database}.* TO ${user};`,
    '',
  ].join('\n');
}
