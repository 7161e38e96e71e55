// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import { listens, type Place } from './place.ts';
import { type ListenOptions, type ListensAt, listenAt, type StartedServer, startedServer } from './server.ts';

export interface EximOptions extends ListenOptions {
  /** Mail for anyone of this domain is kept, and no other is taken. */
  readonly domain: string;
  /** For STARTTLS, and for TLS from the first byte on at `tlsPort`. */
  readonly tls: Certificate;
  readonly tlsPort: number;
}

export interface MailServer extends StartedServer {
  /** The messages that were delivered so far, with the server's own Received field. */
  messages(): Promise<string[]>;
}

/** Starts Exim, a mail server in whose protocol the server speaks first, on a folder of its own; needs root. */
export async function startExim(place: Place, options: EximOptions): Promise<MailServer> {
  const at = await listenAt(place, options, 25);
  const folder = await place.tempDir();
  for (const each of ['spool', 'mail']) await mkdir(join(folder, each));
  await copyFile(options.tls.certificateFile, join(folder, 'own.crt'));
  await copyFile(options.tls.keyFile, join(folder, 'own.key'));
  // It gives up root for this user, whom everything has to belong to but its configuration.
  await place.run(['chown', '-R', 'Debian-exim:', folder]);
  const file = join(folder, 'exim.conf');
  await writeFile(file, configuration(at, folder, options));
  const running = await place.spawn(['exim4', '-C', file, '-bdf'], { readyWhen: () => listens(place, at.port) });
  return {
    ...startedServer(at, running),
    async messages() {
      const arrived = join(folder, 'mail/new');
      // The first delivery makes the folder.
      const names = await readdir(arrived).catch(() => []);
      return Promise.all(names.map((name) => readFile(join(arrived, name), 'utf8')));
    },
  };
}

function configuration(at: ListensAt, folder: string, { domain, tlsPort }: EximOptions): string {
  return `primary_hostname = mail.${domain}
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
pid_file_path = ${folder}/spool/pid
local_interfaces = ${at.address}
daemon_smtp_ports = ${at.port} : ${tlsPort}
tls_on_connect_ports = ${tlsPort}
tls_advertise_hosts = *
tls_certificate = ${folder}/own.crt
tls_privatekey = ${folder}/own.key
deliver_drop_privilege = true
message_logs = false
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept domains = ${domain}
begin routers
keep:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = ${folder}/mail
  maildir_format
`;
}
