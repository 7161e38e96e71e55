// SPDX-License-Identifier: Apache-2.0
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';
import { listens, type Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface NginxOptions extends ListenOptions {
  /** Serves https. */
  readonly tls?: Certificate;
  /** PEM file of the authority whose client certificates it demands (400 without one). */
  readonly clientAuthorityFile?: string;
  /** An http URL that judges each request by its Authorization header (auth_request): 2xx lets it pass, 401 and 403 do not. */
  readonly verifyAt?: string;
  /** Request headers that the echo shows, besides host, authorization and user-agent. */
  readonly echoHeaders?: readonly string[];
  /** Size of /big.bin, zero bytes, sparse on disk; absent: no such file. */
  readonly bigFileBytes?: number;
  /** A folder that is served at /files/, and takes PUT there. */
  readonly files?: string;
  /** Further configuration inside the server block. */
  readonly extra?: string;
}

/**
 * Starts nginx. `/` answers 200 with JSON of what arrived: method, uri, client certificate's subject, the caller that
 * `verifyAt` names in X-Client-Id, and headers under their lower-case names.
 */
export async function startNginx(place: Place, options: NginxOptions = {}): Promise<StartedServer> {
  const at = await listenAt(place, options, options.tls === undefined ? 80 : 443);
  const folder = await place.tempDir();
  if (options.bigFileBytes !== undefined) {
    await writeFile(join(folder, 'big.bin'), '');
    await truncate(join(folder, 'big.bin'), options.bigFileBytes);
  }
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configuration(at, folder, options));
  const argv = ['nginx', '-c', file, '-p', folder, '-e', 'stderr'];
  return startedServer(at, await place.spawn(argv, { readyWhen: () => listens(place, at.port) }));
}

function configuration(at: { address: string; port: number }, folder: string, options: NginxOptions): string {
  const address = at.address.includes(':') ? `[${at.address}]` : at.address;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  // One process: a worker would outlive a killed master, and as another user could not read the lab's keys and folders.
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log off;
  default_type application/octet-stream;
${temporary.map((each) => `  ${each}_temp_path ${folder}/${each};`).join('\n')}
  server {
    listen ${address}:${at.port}${options.tls === undefined ? '' : ' ssl'};
    server_name _;
    client_max_body_size 0;
${[...tls(options), ...verification(options), ...locations(folder, options), options.extra ?? ''].map((line) => `    ${line}`).join('\n')}
  }
}
`;
}

function tls(options: NginxOptions): string[] {
  if (options.tls === undefined) return [];
  const lines = [
    `ssl_certificate ${options.tls.certificateFile};`,
    `ssl_certificate_key ${options.tls.keyFile};`,
    'ssl_protocols TLSv1.2 TLSv1.3;',
  ];
  if (options.clientAuthorityFile !== undefined) {
    lines.push(`ssl_client_certificate ${options.clientAuthorityFile};`, 'ssl_verify_client on;');
  }
  return lines;
}

function verification(options: NginxOptions): string[] {
  if (options.verifyAt === undefined) return [];
  return [
    'auth_request /.verify;',
    'auth_request_set $client_id $upstream_http_x_client_id;',
    `location = /.verify { internal; proxy_pass ${options.verifyAt}; proxy_pass_request_body off; proxy_set_header Content-Length ""; }`,
  ];
}

function locations(folder: string, options: NginxOptions): string[] {
  const headers = ['host', 'authorization', 'user-agent', ...(options.echoHeaders ?? [])];
  const fields = [
    ['method', '$request_method'],
    ['uri', '$request_uri'],
    ['subject', options.clientAuthorityFile === undefined ? '' : '$ssl_client_s_dn'],
    ['client', options.verifyAt === undefined ? '' : '$client_id'],
    ...headers.map((name) => [name.toLowerCase(), `$http_${name.toLowerCase().replaceAll('-', '_')}`]),
  ];
  const echo = `{${fields.map(([name, value]) => `"${name}":"${value}"`).join(',')}}\\n`;
  // `return` runs in the rewrite phase, before auth_request; try_files makes nginx go through the access phase first.
  const lines = [
    'location / { try_files /nonexistent @echo; }',
    `location @echo { default_type application/json; return 200 '${echo}'; }`,
  ];
  if (options.bigFileBytes !== undefined) lines.push(`location = /big.bin { root ${folder}; }`);
  if (options.files !== undefined) lines.push(`location /files/ { alias ${options.files}/; dav_methods PUT; }`);
  return lines;
}
