// SPDX-License-Identifier: Apache-2.0
/**
 * The scene of the beds: a pod, a node with Leat and its peers, and the far end, each a network namespace. Every
 * contender has an address of its own that the node's nat table redirects to it.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '../../test/support/certificates.ts';
import type { Lab } from '../../test/support/lab.ts';
import type { LeatOnNode } from '../../test/support/leat-on-node.ts';
import type { Namespace } from '../../test/support/namespace.ts';
import { startNginx } from '../../test/support/nginx.ts';
import { listens } from '../../test/support/place.ts';
import { clusterDestination, nodePolicy, secret, tunnel } from '../../test/support/resources.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../../test/support/world.ts';
import { buildProgram } from './build-program.ts';
import type { Contender } from './contender.ts';

const SOCKS = { host: '203.0.113.5', port: 1080 };
export const HOSTS = {
  direct: 'direct.bench.test',
  tunnel: 'tunnel.bench.test',
  http: 'web.bench.test',
  /** Clients speak http, and the far end TLS. */
  https: 'secure.bench.test',
};
export const PORTS = { echo: 7001, source: 7002, http: 80 };
const HTTPS_PORT = 443;
const [FAR_END] = ADDRESSES.internet;
/** The far end at an address that no name resolves to: where a managed name was resolved to, pods are captured as well. */
export const UNNAMED = '203.0.113.20';

export interface Scene {
  readonly world: World;
  readonly leat: LeatOnNode;
  readonly pod: Namespace;
  /** Leat's contender for one of the routes. */
  leatFor(route: keyof typeof HOSTS): Contender;
  /** Through the SOCKS5 server. */
  redsocks(): Promise<Contender>;
  peer(command: string): Promise<Contender>;
  floor(): Promise<Contender>;
  /** To `https`, it speaks TLS, and verifies. */
  haproxy(route: 'http' | 'https'): Promise<Contender>;
  nginx(): Promise<Contender>;
  /** Runs the C client in the pod, and returns what it printed. */
  client(...args: (string | number)[]): Promise<ClientResult>;
  clientIn(place: Namespace, ...args: (string | number)[]): Promise<ClientResult>;
  /**
   * From now on clients, contenders and the far end run on one core: who waits for whom is the same for all then, and not
   * where the scheduler put them, nor how long a sleeping core takes to wake.
   */
  shareOneCore(contenders: readonly Contender[]): Promise<void>;
  readonly clientPath: string;
  /** Asks the cluster's DNS for a name from a pod of the world, many times. */
  askDns(from: Namespace, name: string, count: number, parallel: number): Promise<ClientResult>;
}

export interface ClientResult {
  readonly done: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface SceneOptions {
  readonly accessLog?: 'All' | 'None';
  readonly leatOptions?: readonly string[];
}

export async function makeScene(lab: Lab, { accessLog = 'None', leatOptions = [] }: SceneOptions = {}): Promise<Scene> {
  const world = await makeWorld(lab, {
    hosts: {
      [HOSTS.direct]: [FAR_END],
      [HOSTS.http]: [FAR_END],
      [HOSTS.https]: [FAR_END],
      'foreign.bench.test': [FAR_END],
    },
  });
  const pod = world.pods.routed;
  for (const place of [pod, world.node]) {
    // Tens of thousands of connections to one port within a minute.
    await place.sysctl(
      'net.ipv4.ip_local_port_range=10000 65535',
      'net.ipv4.tcp_tw_reuse=1',
      'net.core.somaxconn=4096',
    );
  }
  await world.node.sysctl('net.netfilter.nf_conntrack_tcp_timeout_time_wait=2');
  const programs = await compile(await lab.tempDir());
  const farEnd = await world.internet.spawn([programs.farEnd, String(SOCKS.port)], { readyWhen: /listening/ });
  const authority = await createAuthority(world.internet);
  await startNginx(world.internet, {
    address: FAR_END,
    port: HTTPS_PORT,
    tls: await authority.issueServer(HOSTS.https),
    // As the far end in clear answers, and as long as it keeps a connection.
    extra: `keepalive_requests 1000000; location = /orders { return 200 '${'x'.repeat(64)}'; }`,
  });
  const leat = await world.startLeat({
    resources: { 'bench.yaml': resources(accessLog, authority.certificate) },
    options: leatOptions,
  });

  const addAddress = async (address: string): Promise<void> => {
    await world.internet.ip(`address add ${address}/32 dev eth0`);
    await world.node.ip(`route add ${address}/32 via ${FAR_END} dev up0`);
  };
  await addAddress(UNNAMED);

  let last = 20;
  /** Starts a program in the node that listens on a port, and redirects an address of its own to it. */
  const start = async (
    name: string,
    argv: (port: number) => readonly string[] | Promise<readonly string[]>,
  ): Promise<Contender> => {
    last += 1;
    const port = 20_000 + last;
    const address = `203.0.113.${last}`;
    await addAddress(address);
    const rule = ['-d', address, '-p', 'tcp', '-j', 'REDIRECT', '--to-ports', String(port)];
    await world.node.run(['iptables', '-w', '-t', 'nat', '-A', 'PREROUTING', ...rule]);
    const running = await world.node.spawn(await argv(port), { readyWhen: () => listens(world.node, port) });
    return { name, address, pid: running.pid };
  };

  const synthetic = new Map<string, string>();
  for (const host of Object.values(HOSTS)) {
    const { stdout } = await pod.run(['dig', '+short', '+time=2', host, 'A']);
    synthetic.set(host, stdout.trim());
  }
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(await lab.tempDir(), name);
    await writeFile(path, text);
    return path;
  };

  let wrap: readonly string[] = [];
  const clientIn: Scene['clientIn'] = async (place, ...args) => {
    const { stdout } = await place.run([...wrap, programs.client, ...args.map(String)], { timeoutMs: 120_000 });
    return JSON.parse(stdout) as ClientResult;
  };

  return {
    world,
    leat,
    pod,
    clientPath: programs.client,
    leatFor: (route) => ({ name: `Leat, ${route}`, address: synthetic.get(HOSTS[route]) ?? '', pid: leat.pid }),
    floor: () => start('splice-relay, direct', (port) => [programs.floor, String(port)]),
    peer: (command) =>
      start(command.split(' ')[0] ?? 'peer', (port) =>
        command
          .replaceAll('{port}', String(port))
          .replaceAll('{socksHost}', SOCKS.host)
          .replaceAll('{socksPort}', String(SOCKS.port))
          .split(' '),
      ),
    redsocks: () =>
      start('redsocks, tunnel', async (port) => [
        'redsocks',
        '-c',
        await file('redsocks', redsocksConfiguration(port)),
      ]),
    haproxy: (route) =>
      start(`HAProxy, ${route}`, async (port) => [
        'haproxy',
        '-db',
        '-q',
        '-f',
        await file('haproxy', haproxyConfiguration(port, route === 'https' ? authority.certificateFile : null)),
      ]),
    async nginx() {
      const folder = await lab.tempDir();
      return start('nginx, http', async (port) => [
        ...['nginx', '-e', 'stderr', '-p', folder],
        ...['-c', await file('nginx', nginxConfiguration(folder, port))],
      ]);
    },
    async askDns(from, name, count, parallel) {
      const argv = [programs.dnsClient, ADDRESSES.dns[0], name, String(count), String(parallel)];
      return JSON.parse((await from.run(argv, { timeoutMs: 120_000 })).stdout) as ClientResult;
    },
    client: (...args) => clientIn(pod, ...args),
    clientIn,
    async shareOneCore(contenders) {
      wrap = ['taskset', '-c', firstCore()];
      const pids = [farEnd.pid, ...contenders.map(({ pid }) => pid)].filter((pid) => pid !== null);
      for (const pid of pids) await world.node.run(['taskset', '-a', '-p', '-c', firstCore(), String(pid)]);
    },
  };
}

/** Of those that this process may use. @see proc(5), /proc/PID/status */
function firstCore(): string {
  return /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
}

interface Programs {
  readonly floor: string;
  readonly farEnd: string;
  readonly client: string;
  readonly dnsClient: string;
}

async function compile(folder: string): Promise<Programs> {
  const build = (source: string): Promise<string> => buildProgram(folder, source);
  const [floor, farEnd, client, dnsClient] = await Promise.all([
    build('floor/splice-relay'),
    build('load/far-end'),
    build('load/client'),
    build('load/dns-client'),
  ]);
  return { floor, farEnd, client, dnsClient };
}

function resources(accessLog: 'All' | 'None', ca: string): string {
  const namespaces = { all: true } as const;
  const tcp = Object.values(PORTS).map((port) => ({ port, protocol: 'tcp' as const }));
  return documents(
    nodePolicy('bench', { priority: 1, nodes: { all: true }, accessLog, connectionsPerPod: 100_000 }),
    tunnel('far', {
      endpoints: [SOCKS],
      authentication: { type: 'None' },
      allow: [{ namespaces, hosts: ['*.bench.test'], ports: [{ port: 1, endPort: 65_535 }] }],
    }),
    clusterDestination('direct', { hosts: [HOSTS.direct], ports: tcp }),
    clusterDestination('tunnel', {
      hosts: [HOSTS.tunnel],
      ports: tcp,
      route: { type: 'onPremise', tunnel: 'far' },
    }),
    clusterDestination('http', {
      hosts: [HOSTS.http],
      ports: [{ port: PORTS.http, protocol: 'http' }],
      headers: [{ name: 'X-Bench', value: 'one', mode: 'set' }],
    }),
    clusterDestination('https', {
      hosts: [HOSTS.https],
      ports: [
        {
          port: PORTS.http,
          protocol: 'http',
          upstream: { port: HTTPS_PORT, tls: { ca: { name: 'ca', key: 'ca.crt' } } },
        },
      ],
      headers: [{ name: 'X-Bench', value: 'one', mode: 'set' }],
    }),
    secret('leat-system/ca', { 'ca.crt': ca }),
  ).concat('\n---\n', podsOf('bench', ['routed']), '\n---\n', podsOf('other', ['unnumbered'], {}));
}

function redsocksConfiguration(port: number): string {
  return `base { log_debug = off; log_info = off; log = "stderr"; daemon = off; redirector = iptables;
  redsocks_conn_max = 3000; }
redsocks { local_ip = 0.0.0.0; local_port = ${port}; listenq = 4096; splice = true;
  ip = ${SOCKS.host}; port = ${SOCKS.port}; type = socks5; }
`;
}

function haproxyConfiguration(port: number, caFile: string | null): string {
  const far =
    caFile === null
      ? `${FAR_END}:${PORTS.http}`
      : `${FAR_END}:${HTTPS_PORT} ssl verify required ca-file ${caFile} sni str(${HOSTS.https}) verifyhost ${HOSTS.https} alpn http/1.1`;
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
frontend in
  bind 0.0.0.0:${port}
  http-request set-header X-Bench one
  default_backend far
backend far
  http-reuse always
  server far ${far}
`;
}

function nginxConfiguration(folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000;
${temporary.map((each) => `  ${each}_temp_path ${folder}/${each};`).join('\n')}
  upstream far { server ${FAR_END}:${PORTS.http}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 0.0.0.0:${port};
    location / {
      proxy_pass http://far;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Bench one;
    }
  }
}
`;
}
