// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface DnsRecords {
  /** A and AAAA: name to addresses of both families. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  readonly txt?: Readonly<Record<string, string>>;
  /** Alias to a name that is in `hosts`: the server knows of no other. */
  readonly cname?: Readonly<Record<string, string>>;
  readonly mx?: Readonly<Record<string, string>>;
}

export interface DnsmasqOptions extends ListenOptions {
  readonly records?: DnsRecords;
  /** Servers for all other names, `address` or `address#port`; absent: NXDOMAIN. */
  readonly upstreams?: readonly string[];
  /** Seconds; default 0: clients ask every time. */
  readonly ttlSeconds?: number;
}

/** Starts dnsmasq as a cluster's DNS. Its output has a line `query[TYPE] NAME from ADDRESS` for each query. */
export async function startDnsmasq(place: Place, options: DnsmasqOptions = {}): Promise<StartedServer> {
  const at = await listenAt(place, options, 53);
  const file = join(await place.tempDir(), 'dnsmasq.conf');
  const listen = at.address === '0.0.0.0' ? [] : [`listen-address=${at.address}`, 'bind-interfaces'];
  const lines = [
    `port=${at.port}`,
    ...listen,
    'no-resolv',
    'no-hosts',
    'pid-file',
    'user=root',
    'log-queries',
    'log-facility=-',
    'log-async=0',
    `local-ttl=${options.ttlSeconds ?? 0}`,
    ...(options.upstreams?.map((server) => `server=${server}`) ?? ['local=/#/']),
    ...recordLines(options.records ?? {}),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const argv = ['dnsmasq', '--keep-in-foreground', `--conf-file=${file}`];
  return startedServer(at, await place.spawn(argv, { readyWhen: /started, version/ }));
}

function recordLines(records: DnsRecords): string[] {
  const each = <T>(of: Readonly<Record<string, T>> | undefined, line: (name: string, value: T) => string[]) =>
    Object.entries(of ?? {}).flatMap(([name, value]) => line(name, value));
  return [
    ...each(records.hosts, (name, addresses) => addresses.map((address) => `host-record=${name},${address}`)),
    ...each(records.txt, (name, text) => [`txt-record=${name},"${text}"`]),
    ...each(records.cname, (name, target) => [`cname=${name},${target}`]),
    ...each(records.mx, (name, target) => [`mx-host=${name},${target},10`]),
  ];
}
