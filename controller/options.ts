// SPDX-License-Identifier: Apache-2.0
/**
 * The controller's options: a flag each, and an environment variable for each flag (`--lease-name` is `LEAT_LEASE_NAME`;
 * the flag wins). All problems are reported at once.
 */
import { parseArgs } from 'node:util';
import { SECRETS_BINDINGS } from '../api/group.ts';
import type { ApiAccess } from '../daemon/kube/access-files.ts';
import { type Endpoint, parseIpAddress } from '../daemon/net/endpoint.ts';
import type { PlanSettings } from './reconcile/plan-changes.ts';

export interface ControllerOptions extends PlanSettings {
  readonly access: ApiAccess;
  readonly leaseName: string;
  /** Unique for this process. */
  readonly identity: string;
  readonly admin: Endpoint;
  readonly logLevel: string;
}

/** Where kubelet mounts what a pod's service account is known by. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Every option: its default (`null`: required) and what it means. */
const CONTROLLER_OPTIONS = {
  'kube-api-server': {
    default: '',
    help: 'https:// address of the API server; empty: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT',
  },
  'kube-token-file': { default: `${SERVICE_ACCOUNT}/token`, help: 'token for the API server; read anew' },
  'kube-ca-file': { default: `${SERVICE_ACCOUNT}/ca.crt`, help: 'CA of the API server; read anew' },
  identity: { default: null, help: 'name of this replica, unique: that of its pod' },
  'leat-namespace': { default: 'leat-system', help: "Leat's own namespace, and that of the Lease" },
  'cluster-domain': { default: 'cluster.local', help: 'DNS domain of the cluster' },
  account: { default: 'leat-controller', help: "own service account in Leat's namespace" },
  'daemon-account': { default: 'leat', help: "service account of the daemons in Leat's namespace" },
  'secrets-binding': {
    default: 'auto',
    help: 'auto, names or manual: with auto daemons are given the labelled Secrets of enrolled namespaces, by name; else nothing is done',
  },
  'lease-name': { default: 'leat-controller', help: 'name of the Lease by which one replica leads' },
  'admin-address': { default: '0.0.0.0', help: 'address of metrics, liveness and readiness' },
  'admin-port': { default: '15021', help: 'port of metrics, liveness and readiness' },
  'log-level': { default: 'info', help: 'trace, debug, info, warn, error or fatal' },
} as const;

type OptionName = keyof typeof CONTROLLER_OPTIONS;

/** Options that can't be used: the message has a line for each. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

/** @throws OptionsError that lists every problem: option, value, cure */
export function readOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): ControllerOptions {
  const { values, problems } = readRaw(argv, environment);
  const refuse = (name: OptionName, cure: string): void => {
    problems.push(`--${name}=${values[name]}: ${cure}`);
  };
  const oneOf = <const T extends string>(name: OptionName, allowed: readonly [T, ...T[]]): T => {
    const found = allowed.find((one) => one === values[name]);
    if (found === undefined) refuse(name, `must be one of ${allowed.join(', ')}`);
    return found ?? allowed[0];
  };
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const fromPod = host === undefined ? '' : `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const server = values['kube-api-server'] || fromPod;
  if (!/^https:\/\/[^/\s]+$/.test(server))
    refuse('kube-api-server', 'must be https:// with host and port, without path');
  const address = parseIpAddress(values['admin-address']);
  if (address === null) refuse('admin-address', 'must be an IP address');
  const adminPort = /^\d{1,5}$/.test(values['admin-port']) ? Number(values['admin-port']) : -1;
  if (adminPort < 0 || adminPort > 65535) refuse('admin-port', 'must be a port, or 0 for any');
  const options: ControllerOptions = {
    access: { server, tokenFile: values['kube-token-file'], caFile: values['kube-ca-file'] },
    identity: values.identity,
    leatNamespace: values['leat-namespace'],
    clusterDomain: values['cluster-domain'],
    controllerAccount: values.account,
    daemonAccount: values['daemon-account'],
    secretsBinding: oneOf('secrets-binding', SECRETS_BINDINGS),
    leaseName: values['lease-name'],
    admin: { address: address ?? '', port: adminPort },
    logLevel: oneOf('log-level', ['info', 'trace', 'debug', 'warn', 'error', 'fatal']),
  };
  if (problems.length > 0) throw new OptionsError(problems.join('\n'));
  return options;
}

/** One line for each option. */
export function helpText(): string {
  const lines = Object.entries(CONTROLLER_OPTIONS).map(([name, option]) => {
    const fallback = option.default === null ? 'required' : `default ${option.default || 'empty'}`;
    return `  --${name.padEnd(18)}${option.help} (${fallback})`;
  });
  const usage = 'usage: node controller/main.ts [options]; each option is also LEAT_<NAME> in the environment';
  return [usage, ...lines, ''].join('\n');
}

/** Flags before environment before defaults. */
function readRaw(argv: readonly string[], environment: NodeJS.ProcessEnv) {
  const names = Object.keys(CONTROLLER_OPTIONS) as OptionName[];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values: given, tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const problems = tokens.flatMap((token) => {
    if (token.kind === 'option' && !(token.name in CONTROLLER_OPTIONS)) return [`${token.rawName}: no such option`];
    return token.kind === 'positional' ? [`${token.value}: no such option`] : [];
  });
  const values = Object.fromEntries(
    names.map((name) => {
      const flag = given[name];
      const variable = environment[`LEAT_${name.toUpperCase().replaceAll('-', '_')}`];
      const value = typeof flag === 'string' ? flag : (variable ?? CONTROLLER_OPTIONS[name].default);
      if (value === null || (value === '' && CONTROLLER_OPTIONS[name].default !== '')) {
        problems.push(`--${name}: a value is required`);
      }
      return [name, value ?? ''];
    }),
  ) as Record<OptionName, string>;
  return { values, problems };
}
