// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type Authority, createAuthority } from './certificates.ts';
import { connectorTo } from './connect-in.ts';
import { definitionsOf } from './definitions.ts';
import { evidenceFile, noteSecret, noteSecretsOf } from './evidence.ts';
import { findKubeAssets, MISSING_ASSETS } from './find-kube-assets.ts';
import type { Place } from './place.ts';
import type { Running } from './running.ts';

const MERGE_PATCH = 'application/merge-patch+json';

export interface ApiAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: objects of an API server, as they come
  readonly body: any;
}

export interface ApiServerOptions {
  /** Default a free port. */
  readonly port?: number;
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
  /** Apply the custom resource definitions of the chart. Default true. */
  readonly crds?: boolean;
  /** Folder with the programs of 1.25 or newer, whose definitions have rules. Default those of {@link findKubeAssets}, without. */
  readonly newer?: string;
}

/** A real kube-apiserver with its etcd: RBAC on, users by token. Nothing schedules, and nothing else controls. */
export class ApiServer {
  readonly url: string;
  readonly address: string;
  readonly port: number;
  readonly authority: Authority;
  /** Of a user of the group `system:masters`. */
  readonly adminToken: string;
  /** Of {@link ApiServer.DAEMON_USER}, who has no rights until a test gives them. Both are valid. */
  readonly daemonTokens: readonly [string, string];
  readonly kubeconfig: string;
  readonly #assets: string;
  readonly #place: Place;
  readonly #argv: readonly string[];
  readonly #agent: Agent;
  #running: Running | null = null;

  static readonly DAEMON_USER = 'system:serviceaccount:leat-system:leat';

  private constructor(parts: {
    assets: string;
    place: Place;
    address: string;
    port: number;
    authority: Authority;
    tokens: readonly [string, string, string];
    kubeconfig: string;
    argv: readonly string[];
  }) {
    this.#assets = parts.assets;
    this.#place = parts.place;
    this.address = parts.address;
    this.port = parts.port;
    this.url = `https://${parts.address}:${parts.port}`;
    this.authority = parts.authority;
    this.adminToken = parts.tokens[0];
    this.daemonTokens = [parts.tokens[1], parts.tokens[2]];
    this.kubeconfig = parts.kubeconfig;
    this.#argv = parts.argv;
    this.#agent = new Agent({ connect: connectorTo(parts.place, parts.authority.certificate), connections: 16 });
  }

  /** Starts both in a place; they end with it. Takes some five seconds. */
  static async start(
    place: Place,
    { port, flags = [], crds = true, newer }: ApiServerOptions = {},
  ): Promise<ApiServer> {
    const assets = newer ?? findKubeAssets();
    if (assets === null) throw new Error(MISSING_ASSETS);
    const address = place.listenAddress === '0.0.0.0' ? '127.0.0.1' : place.listenAddress;
    const folder = await place.tempDir();
    const authority = await createAuthority(place, 'kubernetes');
    const serving = await authority.issueServer(address, 'kubernetes.default.svc', 'localhost');
    const signer = join(folder, 'service-accounts.key');
    await place.run(['openssl', 'genrsa', '-out', signer, '2048']);
    const etcdPort = await place.freePort(2379);
    const peerPort = await place.freePort(2380);
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    await place.spawn(
      [
        join(assets, 'etcd'),
        `--data-dir=${join(folder, 'etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
        `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
        '--unsafe-no-fsync',
        '--log-level=warn',
      ],
      { env: { ETCD_UNSUPPORTED_ARCH: process.arch } },
    );
    const tokens = [token(), token(), token()] as const;
    for (const each of tokens) noteSecret('token for the API server', each);
    const tokenFile = join(folder, 'tokens.csv');
    const daemonGroups = '"system:serviceaccounts,system:serviceaccounts:leat-system"';
    await writeFile(
      tokenFile,
      [
        `${tokens[0]},admin,1,"system:masters"`,
        `${tokens[1]},${ApiServer.DAEMON_USER},2,${daemonGroups}`,
        `${tokens[2]},${ApiServer.DAEMON_USER},2,${daemonGroups}`,
      ].join('\n'),
      { mode: 0o600 },
    );
    const securePort = port ?? (await place.freePort(6443));
    const kubeconfig = join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigOf(`https://${address}:${securePort}`, authority.certificate, tokens[0]), {
      mode: 0o600,
    });
    const server = new ApiServer({
      assets,
      place,
      address,
      port: securePort,
      authority,
      tokens,
      kubeconfig,
      argv: [
        join(assets, 'kube-apiserver'),
        `--etcd-servers=${etcdUrl}`,
        `--bind-address=${place.listenAddress}`,
        `--advertise-address=${place.listenAddress === '0.0.0.0' ? '192.0.2.1' : place.listenAddress}`,
        '--endpoint-reconciler-type=none',
        `--secure-port=${securePort}`,
        `--cert-dir=${folder}`,
        `--tls-cert-file=${serving.certificateFile}`,
        `--tls-private-key-file=${serving.keyFile}`,
        `--token-auth-file=${tokenFile}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${signer}`,
        `--service-account-signing-key-file=${signer}`,
        '--service-cluster-ip-range=10.96.0.0/16',
        '--authorization-mode=RBAC',
        // a pod that nothing runs needs no account, and no controller would make one
        '--disable-admission-plugins=ServiceAccount',
        ...(await auditFlags(folder)),
        ...flags,
      ],
    });
    await server.launch();
    if (crds) await server.applyDefinitions(newer !== undefined);
    return server;
  }

  /** Starts kube-apiserver, again after stop(): etcd has kept everything. */
  async launch(): Promise<void> {
    this.#running = await this.#place.spawn(this.#argv, {
      readyTimeoutMs: 120_000,
      readyWhen: async () => {
        await sleep(200);
        return this.isReady();
      },
    });
  }

  /** Stops kube-apiserver alone. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#running?.stop(signal);
    this.#running = null;
  }

  /** It hangs from now on: connections stand, and nobody answers. */
  pause(): void {
    process.kill(this.#running?.pid ?? raise(), 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#running?.pid ?? raise(), 'SIGCONT');
  }

  /** Options of a daemon that follows this server as {@link ApiServer.DAEMON_USER}. */
  async daemonOptions(): Promise<string[]> {
    const tokenFile = join(await this.#place.tempDir(), 'token');
    await writeFile(tokenFile, this.daemonTokens[0], { mode: 0o600 });
    return [
      '--source=kubernetes',
      `--kube-api-server=${this.url}`,
      `--kube-token-file=${tokenFile}`,
      `--kube-ca-file=${this.authority.certificateFile}`,
    ];
  }

  async isReady(): Promise<boolean> {
    const curl = ['curl', '-fsS', '-m', '2', '--cacert', this.authority.certificateFile];
    const { code } = await this.#place.run(
      [...curl, '-H', `Authorization: Bearer ${this.adminToken}`, `${this.url}/readyz`],
      {
        allowFailure: true,
      },
    );
    return code === 0;
  }

  /** Runs kubectl as the admin. What it remembers of the kinds there are it forgets each time. */
  async kubectl(argv: readonly string[], input = ''): Promise<string> {
    const options = [`--kubeconfig=${this.kubeconfig}`, `--cache-dir=${await this.#place.tempDir()}`];
    const { stdout } = await this.#place.run([join(this.#assets, 'kubectl'), ...options, ...argv], {
      input,
      timeoutMs: 60_000,
    });
    return stdout;
  }

  /** Applies objects as the admin. */
  async apply(...objects: readonly object[]): Promise<void> {
    noteSecretsOf(objects);
    await this.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  /** The chart's custom resource definitions, and waits until they are served. */
  async applyDefinitions(withRules = false): Promise<void> {
    await this.kubectl(['apply', '--server-side', '-f', '-'], definitionsOf(withRules));
    await this.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
  }

  /** Asks as the admin. */
  async ask(method: string, path: string, body?: object, type = 'application/json'): Promise<ApiAnswer> {
    const { statusCode, body: answer } = await request(`${this.url}${path}`, {
      method: method as 'GET',
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.adminToken}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: statusCode, body: await answer.json() };
  }

  /** Asks, and throws where the answer is a refusal. */
  async must(method: string, path: string, body?: object, type?: string): Promise<ApiAnswer['body']> {
    const { status, body: answer } = await this.ask(method, path, body, type);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${answer.message}`);
    return answer;
  }

  async namespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.must('POST', '/api/v1/namespaces', { metadata: { name, labels } });
  }

  /** A pod that nothing runs, with a node and, where given, addresses. */
  async pod(
    namespace: string,
    name: string,
    {
      node = 'node-1',
      ips = [],
      labels = {},
    }: { node?: string; ips?: readonly string[]; labels?: Record<string, string> } = {},
  ): Promise<void> {
    const containers = [{ name: 'app', image: 'app' }];
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await this.must('POST', path, { metadata: { name, labels }, spec: { nodeName: node, containers } });
    if (ips.length > 0) await this.podStatus(namespace, name, ips);
  }

  /** As kubelet does. */
  async podStatus(namespace: string, name: string, ips: readonly string[], phase = 'Running'): Promise<void> {
    const status = { phase, podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
    await this.must('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status }, MERGE_PATCH);
  }

  async deletePod(namespace: string, name: string): Promise<void> {
    await this.must('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0 });
  }

  async secret(namespace: string, name: string, stringData: Record<string, string>, labels = RELEASED): Promise<void> {
    noteSecretsOf([{ kind: 'Secret', metadata: { namespace, name }, stringData }]);
    await this.must('POST', `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name, labels }, stringData });
  }

  /** An object of Leat's kinds. */
  async create(plural: string, object: { metadata: { namespace?: string } }): Promise<ApiAnswer> {
    const { namespace } = object.metadata;
    const place = namespace === undefined ? '' : `namespaces/${namespace}/`;
    return this.ask('POST', `/apis/leat.dev/v1alpha1/${place}${plural}`, object);
  }

  async patch(path: string, change: object): Promise<ApiAnswer['body']> {
    return this.must('PATCH', path, change, MERGE_PATCH);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** Every status and every event that Leat ever writes is told by the server itself, for the search for secrets. */
async function auditFlags(folder: string): Promise<string[]> {
  const log = evidenceFile('status');
  if (log === null) return [];
  const policy = join(folder, 'audit.json');
  const resources = [{ group: 'leat.dev' }, { group: '', resources: ['events'] }, { group: 'events.k8s.io' }];
  const rules = [
    // What tests write, and what is not written.
    { level: 'None', users: ['admin'] },
    { level: 'Request', verbs: ['create', 'update', 'patch'], resources },
    { level: 'None' },
  ];
  await writeFile(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`];
}

const RELEASED: Record<string, string> = { 'leat.dev/credential': 'true' };

function raise(): never {
  throw new Error('kube-apiserver does not run');
}

function token(): string {
  return randomBytes(24).toString('base64url');
}

function kubeconfigOf(server: string, certificate: string, adminToken: string): string {
  const cluster = { server, 'certificate-authority-data': btoa(certificate) };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user: { token: adminToken } }],
    contexts: [{ name: 'admin', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'admin',
  });
}
