// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import { noteSecret } from './evidence.ts';
import { ownAccounts } from './own-accounts.ts';
import { listens, type Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface VsftpdOptions extends ListenOptions {
  readonly user: { readonly name: string; readonly password: string };
  /** Ports of data connections in passive mode, first and last. */
  readonly passivePorts: readonly [number, number];
  /** For clients that ask for TLS (AUTH TLS), on both connections. */
  readonly tls: Certificate;
}

export interface FtpServer extends StartedServer {
  /** The user's home, where files are served from and taken to. */
  readonly home: string;
}

/** Starts vsftpd, an FTP server in whose protocol the server speaks first; needs root. */
export async function startVsftpd(place: Place, options: VsftpdOptions): Promise<FtpServer> {
  noteSecret('password of the user of vsftpd', options.user.password);
  const at = await listenAt(place, options, 21);
  const folder = await place.tempDir();
  const home = join(folder, 'home');
  const empty = join(folder, 'empty');
  for (const each of [home, empty]) await mkdir(each);
  await chmod(home, 0o777);
  const file = join(folder, 'vsftpd.conf');
  await writeFile(
    file,
    `listen=YES
background=NO
listen_address=${at.address}
listen_port=${at.port}
anonymous_enable=NO
local_enable=YES
write_enable=YES
pasv_min_port=${options.passivePorts[0]}
pasv_max_port=${options.passivePorts[1]}
ssl_enable=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file=${options.tls.certificateFile}
rsa_private_key_file=${options.tls.keyFile}
secure_chroot_dir=${empty}
pam_service_name=vsftpd
vsftpd_log_file=${folder}/log
`,
  );
  const prefix = await ownAccounts(place, folder, { ...options.user, home, shell: '/bin/sh' });
  const running = await place.spawn([...prefix, 'vsftpd', file], { readyWhen: () => listens(place, at.port) });
  return { ...startedServer(at, running), home };
}
