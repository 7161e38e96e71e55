// SPDX-License-Identifier: Apache-2.0
import { chmod, copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import type { Place } from './place.ts';
import { isRoot, type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface PostgresOptions extends ListenOptions {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** SQL that runs in the database before the server is up for others. */
  readonly sql?: string;
  /** Offers TLS, and demands it. */
  readonly tls?: Certificate;
}

const versions = '/usr/lib/postgresql';

/** Starts PostgreSQL on a cluster of its own in a temporary folder; passwords by SCRAM. */
export async function startPostgres(place: Place, options: PostgresOptions): Promise<StartedServer> {
  const at = await listenAt(place, options, 5432);
  const bin = join(versions, (await readdir(versions)).sort((a, b) => Number(a) - Number(b)).at(-1) ?? '', 'bin');
  const folder = await place.tempDir();
  if (isRoot()) await place.run(['chown', 'postgres:', folder]);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeOwned(place, passwordFile, options.password);
  await place.run([
    ...asPostgres(),
    ...[join(bin, 'initdb'), '-D', data, '-U', options.user, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    ...['-E', 'UTF8', '--no-locale', '--no-sync'],
  ]);
  await writeOwned(
    place,
    join(data, 'pg_hba.conf'),
    `${options.tls === undefined ? 'host' : 'hostssl'} all all all scram-sha-256\n`,
  );
  // No server is up yet: a backend of its own runs the first statements.
  const single = [join(bin, 'postgres'), '--single', '-j', '-D', data];
  await place.run([...asPostgres(), ...single, 'postgres'], { input: `CREATE DATABASE "${options.database}";\n\n` });
  if (options.sql !== undefined)
    await place.run([...asPostgres(), ...single, options.database], { input: `${options.sql}\n\n` });
  const settings = [
    `listen_addresses=${at.address === '0.0.0.0' ? '*' : at.address}`,
    `port=${at.port}`,
    `unix_socket_directories=${folder}`,
    'fsync=off',
    'dynamic_shared_memory_type=mmap',
    ...(await tlsSettings(place, folder, options.tls)),
  ];
  // A killed server can't remove its System V segment: in an IPC namespace of its own it goes with the last process.
  const ownIpc = isRoot() ? ['unshare', '--ipc', '--'] : [];
  const argv = [
    ...ownIpc,
    ...asPostgres(),
    join(bin, 'postgres'),
    '-D',
    data,
    ...settings.flatMap((each) => ['-c', each]),
  ];
  const running = await place.spawn(argv, { cwd: folder, readyWhen: /ready to accept connections/ });
  // SIGINT is its fast shutdown; SIGTERM would wait for its clients.
  return { ...startedServer(at, running), stop: () => running.stop('SIGINT') };
}

function asPostgres(): string[] {
  return isRoot()
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--pdeathsig', 'KILL', '--']
    : [];
}

async function writeOwned(place: Place, file: string, text: string): Promise<void> {
  await writeFile(file, text);
  await own(place, file);
}

async function own(place: Place, file: string): Promise<void> {
  await chmod(file, 0o600);
  if (isRoot()) await place.run(['chown', 'postgres:', file]);
}

async function tlsSettings(place: Place, folder: string, tls: Certificate | undefined): Promise<string[]> {
  if (tls === undefined) return [];
  const files = { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') };
  await copyFile(tls.certificateFile, files.certificate);
  await copyFile(tls.keyFile, files.key);
  await own(place, files.certificate);
  await own(place, files.key);
  return ['ssl=on', `ssl_cert_file=${files.certificate}`, `ssl_key_file=${files.key}`];
}
