// SPDX-License-Identifier: Apache-2.0
/**
 * The daemon's options: a flag each, and an environment variable for each flag (`--state-dir` is `LEAT_STATE_DIR`; the
 * flag wins). All problems are reported at once. docs/configuration.md lists the same; a test holds them together.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { SECRETS_BINDINGS, type SecretsBinding } from '../../api/group.ts';
import {
  ADMIN_PORT,
  CAPTURE_PORT,
  DNS_PORT,
  INIT_STATE_DIR,
  LEAT_ADDRESS_4,
  LEAT_ADDRESS_6,
  SYNTHETIC_RANGE_4,
  SYNTHETIC_RANGE_6,
} from '../../api/redirect-contract.ts';
import type { IpAddress } from '../net/endpoint.ts';
import { OptionReader, type RawOptions } from './read-options.ts';

/** A folder of YAML resources, or a cluster, with the files of the service account by which it is asked. */
export type SourceConfig =
  | { readonly type: 'files'; readonly directory: string }
  | {
      readonly type: 'kubernetes';
      readonly server: string;
      readonly tokenFile: string;
      readonly caFile: string;
      /** Who lets the daemon read Secrets. */
      readonly secretsBinding: SecretsBinding;
      readonly cniResultsDirectory: string | null;
    };

export interface Config {
  readonly source: SourceConfig;
  readonly nodeName: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Null outside of a pod. */
  readonly podUid: string | null;
  /** Where what must outlive a restart is kept; mode 0700. */
  readonly stateDirectory: string;
  /** Where `init` left what it decided in this boot. */
  readonly initStateDirectory: string;
  /** Where a SPIFFE helper writes certificates and keys. */
  readonly identityDirectory: string;
  readonly leatNamespace: string;
  readonly clusterDomain: string;
  readonly capturePort: number;
  readonly dnsPort: number;
  readonly admin: { readonly address: IpAddress; readonly port: number };
  readonly leatAddresses: { readonly v4: IpAddress; readonly v6: IpAddress | null };
  readonly syntheticRanges: { readonly v4: string; readonly v6: string | null };
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  /** Of all nodes and of the API server; this node's own addresses are known without. */
  readonly nodeRanges: readonly string[];
  /** DNS servers for targets; empty: the system's. */
  readonly dnsServers: readonly string[];
  /** Whether captured connections are accepted, dialled and relayed by the engine's threads or by Node alone. */
  readonly relay: 'native' | 'streams';
  /** Threads of the engine. */
  readonly workers: number;
  readonly drainMs: number;
  readonly logLevel: string;
  readonly selfTest: boolean;
}

/** Where kubelet mounts what a pod's service account is known by. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Every option: its default (`null`: required) and what it means. The order is that of the help text. */
export const OPTIONS = {
  source: { default: null, help: 'where resources come from: files:DIR, or kubernetes' },
  'kube-api-server': {
    default: '',
    help: 'https:// address of the API server; empty: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT',
  },
  'kube-token-file': {
    default: `${SERVICE_ACCOUNT}/token`,
    help: 'token for the API server; read anew for each request',
  },
  'kube-ca-file': { default: `${SERVICE_ACCOUNT}/ca.crt`, help: 'CA of the API server; read anew for each request' },
  'secrets-binding': {
    default: 'auto',
    help: 'who lets the daemon read Secrets: auto, the controller those with the label; names, people each by its name; manual, people all of a namespace',
  },
  'cni-results-dir': {
    default: '',
    help: "folder in which the node's runtime leaves each pod's addresses; empty: only the API server is asked for them",
  },
  'node-name': { default: null, help: 'name of this node' },
  'node-labels': { default: '', help: 'labels of this node, key=value separated by commas' },
  'pod-uid': { default: '', help: "uid of the daemon's own pod: with it the daemon reports its end" },
  'state-dir': { default: '/var/lib/leat', help: 'folder for what must outlive a restart' },
  'init-state-dir': { default: INIT_STATE_DIR, help: 'folder in which init left what it decided' },
  'identity-dir': {
    default: '/run/leat-identity',
    help: 'folder with certificates and keys that a SPIFFE helper writes and renews',
  },
  'leat-namespace': { default: 'leat-system', help: "Leat's own namespace" },
  'cluster-domain': { default: 'cluster.local', help: 'DNS domain of the cluster' },
  'capture-port': { default: String(CAPTURE_PORT), help: 'TCP port of the capture listener' },
  'dns-port': { default: String(DNS_PORT), help: 'port of the DNS server on the addresses of Leat' },
  'admin-address': { default: '0.0.0.0', help: 'address of metrics, liveness and readiness' },
  'admin-port': { default: String(ADMIN_PORT), help: 'port of metrics, liveness and readiness' },
  'leat-address4': { default: LEAT_ADDRESS_4, help: 'IPv4 address of Leat on lo' },
  'leat-address6': { default: LEAT_ADDRESS_6, help: 'IPv6 address of Leat on lo' },
  'synthetic-range4': { default: SYNTHETIC_RANGE_4, help: 'IPv4 range of synthetic addresses' },
  'synthetic-range6': { default: SYNTHETIC_RANGE_6, help: 'IPv6 range of synthetic addresses' },
  ipv6: { default: 'on', help: 'on, or off for nodes without IPv6' },
  'pod-ranges': { default: '', help: "the cluster's pod ranges, separated by commas: refused as targets" },
  'service-ranges': { default: '', help: "the cluster's Service ranges, separated by commas: refused as targets" },
  'node-ranges': {
    default: '',
    help: "ranges of the cluster's nodes and of its API server, separated by commas: refused as targets",
  },
  'dns-servers': { default: '', help: "DNS servers for targets, separated by commas; empty: the system's" },
  relay: { default: 'native', help: "native: the relay engine's threads; streams: Node alone, portable and slower" },
  workers: { default: '1', help: 'threads of the relay engine, which share all connections; auto: one for each core' },
  'drain-ms': { default: '20000', help: 'after SIGTERM, milliseconds that open connections get to end' },
  'log-level': { default: 'info', help: 'trace, debug, info, warn, error or fatal' },
  'self-test': { default: 'on', help: 'on, or off where the daemon may not make a network namespace' },
} as const;

/** Options that can't be used, each with its value and the cure; the program ends with exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** @throws ConfigError that lists every problem: option, value, cure */
export function loadConfig(argv: readonly string[], environment: NodeJS.ProcessEnv): Config {
  const read = new OptionReader(readRaw(argv, environment));
  const v6 = read.oneOf('ipv6', ['on', 'off']) === 'on';
  const config: Config = {
    source: readSource(read, environment),
    nodeName: read.text('node-name'),
    nodeLabels: read.labels('node-labels'),
    podUid: read.optional('pod-uid'),
    stateDirectory: read.text('state-dir'),
    initStateDirectory: read.text('init-state-dir'),
    identityDirectory: read.text('identity-dir'),
    leatNamespace: read.text('leat-namespace'),
    clusterDomain: read.text('cluster-domain'),
    capturePort: read.port('capture-port'),
    dnsPort: read.port('dns-port'),
    admin: { address: read.address('admin-address'), port: read.port('admin-port') },
    leatAddresses: { v4: read.address('leat-address4', 4), v6: v6 ? read.address('leat-address6', 6) : null },
    syntheticRanges: { v4: read.range('synthetic-range4', 4), v6: v6 ? read.range('synthetic-range6', 6) : null },
    podRanges: read.ranges('pod-ranges'),
    serviceRanges: read.ranges('service-ranges'),
    nodeRanges: read.ranges('node-ranges'),
    dnsServers: read.addresses('dns-servers'),
    relay: read.oneOf('relay', ['native', 'streams']),
    workers: read.workers('workers', availableParallelism()),
    drainMs: read.integer('drain-ms', 0, 3_600_000),
    logLevel: read.oneOf('log-level', ['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
    selfTest: read.oneOf('self-test', ['on', 'off']) === 'on',
  };
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
}

function readSource(read: OptionReader, environment: NodeJS.ProcessEnv): SourceConfig {
  const directory = read.source('source');
  if (directory !== null) return { type: 'files', directory };
  return {
    type: 'kubernetes',
    server: read.apiServer('kube-api-server', environment),
    tokenFile: read.text('kube-token-file'),
    caFile: read.text('kube-ca-file'),
    secretsBinding: read.oneOf('secrets-binding', SECRETS_BINDINGS),
    cniResultsDirectory: read.optional('cni-results-dir'),
  };
}

/** One line for each option. */
export function helpText(): string {
  const lines = Object.entries(OPTIONS).map(([name, option]) => {
    const fallback = option.default === null ? 'required' : `default ${option.default || 'empty'}`;
    return `  --${name.padEnd(18)}${option.help} (${fallback})`;
  });
  return [
    'usage: node daemon/main.ts [options]; each option is also LEAT_<NAME> in the environment',
    ...lines,
    '',
  ].join('\n');
}

/** Flags before environment before defaults. */
function readRaw(argv: readonly string[], environment: NodeJS.ProcessEnv): RawOptions {
  const options = Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: 'string' as const }]));
  const { values, tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const unknown = tokens.flatMap((token) => {
    if (token.kind === 'option' && !(token.name in OPTIONS)) return [token.rawName];
    return token.kind === 'positional' ? [token.value] : [];
  });
  const raw = new Map<string, string | null>();
  for (const [name, option] of Object.entries(OPTIONS)) {
    const given = values[name];
    const variable = environment[`LEAT_${name.toUpperCase().replaceAll('-', '_')}`];
    raw.set(name, typeof given === 'string' ? given : (variable ?? option.default));
  }
  return { values: raw, unknown };
}
