// SPDX-License-Identifier: Apache-2.0
/** `kubectl leat`: status, explain, release, migrate, cleanup. Asks through kubectl alone; exit code 1 where something is not well. */
import { parseArgs } from 'node:util';
import { cleanUp } from './clean-up.ts';
import { explain } from './explain.ts';
import { migrate } from './migrate.ts';
import { readResources } from './read-resources.ts';
import { readFromCluster, readFromFiles, UnreadableFile } from './read-sap-destinations.ts';
import { release } from './release.ts';
import { Kubectl, KubectlError } from './run-kubectl.ts';
import { showStatus } from './show-status.ts';

const USAGE = `usage: kubectl leat COMMAND [options]

  status                   nodes with their self-tests, and every resource that is not ready; exit code 1 if there is one
  explain POD HOST[:PORT]  which Destination takes the pod's connection, by which rule, and what would be sent (port 80)
  release SECRET...        Secrets of the namespace for its Destinations: labels them and, for daemons that read Secrets by name, gives
                           their account these and no other; --revoke takes them back
  migrate [-f FILE]...     Destinations of SAP's transparent proxy, of the cluster or of files and folders, as Leat's: YAML to be
                           read before it is applied; exit code 1 if there is something to decide
  cleanup                  what an uninstalled release left in the cluster; deletes it with --yes, and with --definitions
                           every resource of Leat's kinds

  -n, --namespace NAME     namespace of the pod or the Secrets (that of the context); for migrate the only one that is looked at
  -f, --file FILE          file or folder to migrate; may be given more than once
  --leat-namespace NAME    Leat's own namespace (leat-system)
  --daemon-account NAME    the daemons' service account there (leat)
  --cluster-domain NAME    DNS domain of the cluster (cluster.local)
  --context, --kubeconfig  as kubectl has them
`;

const OPTIONS = {
  namespace: { type: 'string', short: 'n' },
  'leat-namespace': { type: 'string', default: 'leat-system' },
  'daemon-account': { type: 'string', default: 'leat' },
  revoke: { type: 'boolean', default: false },
  'cluster-domain': { type: 'string', default: 'cluster.local' },
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
  file: { type: 'string', short: 'f', multiple: true },
  yes: { type: 'boolean', default: false },
  definitions: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function main(argv: string[]): number {
  const { values, positionals } = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
  const [command, ...rest] = positionals;
  const print = (lines: readonly string[]): void => {
    process.stdout.write(`${lines.join('\n')}\n`);
  };
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const flags = (['context', 'kubeconfig'] as const).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}=${values[name]}`],
  );
  const kubectl = new Kubectl(flags);
  if (command === 'status' && rest.length === 0) {
    const { text, isWell } = showStatus(kubectl);
    print([text]);
    return isWell ? 0 : 1;
  }
  if (command === 'explain' && rest.length === 2) {
    const [pod = '', target = ''] = rest;
    const [, bracketed, plain, port = '80'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(target) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined) throw new TypeError(`${target} is no HOST:PORT`);
    const namespace = values.namespace ?? currentNamespace(kubectl);
    const question = {
      host: host.toLowerCase(),
      port: Number(port),
      clusterDomain: values['cluster-domain'],
      leatNamespace: values['leat-namespace'],
    };
    print(explain(readResources(kubectl, namespace, pod), question));
    return 0;
  }
  if (command === 'release' && rest.length > 0) {
    const namespace = values.namespace ?? currentNamespace(kubectl);
    const { revoke, 'daemon-account': account, 'leat-namespace': leatNamespace } = values;
    print(release(kubectl, { namespace, secrets: rest, revoke, account, leatNamespace }));
    return 0;
  }
  if (command === 'migrate' && rest.length === 0) {
    const found = values.file === undefined ? readFromCluster(kubectl, values.namespace) : readFromFiles(values.file);
    const { text, count, undecided } = migrate(found);
    if (count > 0) print([text]);
    process.stderr.write(`${count} Destinations of SAP's transparent proxy, ${undecided} with something to decide\n`);
    return count > 0 && undecided === 0 ? 0 : 1;
  }
  if (command === 'cleanup' && rest.length === 0) {
    print(cleanUp(kubectl, { confirmed: values.yes, definitions: values.definitions }));
    return 0;
  }
  process.stderr.write(USAGE);
  return 2;
}

function currentNamespace(kubectl: Kubectl): string {
  return kubectl.run(['config', 'view', '--minify', '-o', 'jsonpath={..namespace}']).trim() || 'default';
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  const isKnown = error instanceof KubectlError || error instanceof UnreadableFile || error instanceof TypeError;
  process.stderr.write(`kubectl leat: ${isKnown ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
