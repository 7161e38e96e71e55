// SPDX-License-Identifier: Apache-2.0
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../../test/support/namespace.ts';
import type { Running } from '../../test/support/running.ts';
import { ADDRESSES } from './networks.ts';

export interface Leat {
  readonly daemon: Running;
  /** The folder of YAML that the daemon reads, and watches. */
  readonly resources: string;
  /** How many rules init wrote, per family. */
  readonly rules: { readonly v4: number; readonly v6: number };
}

const program = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Runs init in the node, then the daemon, and waits until it has proved that connections are captured. */
export async function startLeat(node: Namespace, authorityPem: string): Promise<Leat> {
  const resources = await node.tempDir();
  await cp(fileURLToPath(new URL('./resources', import.meta.url)), resources, { recursive: true });
  await writeFile(join(resources, 'authority.yaml'), authoritySecrets(authorityPem));

  const initState = await node.tempDir();
  await node.run([
    process.execPath,
    program('init/main.ts'),
    `--pod-ranges=${ADDRESSES.podRanges}`,
    `--service-ranges=${ADDRESSES.serviceRanges}`,
    `--state-dir=${initState}`,
  ]);
  const daemon = await node.spawn(
    [
      process.execPath,
      program('daemon/main.ts'),
      `--source=files:${resources}`,
      '--node-name=demo-node',
      `--state-dir=${await node.tempDir()}`,
      `--init-state-dir=${initState}`,
      `--pod-ranges=${ADDRESSES.podRanges}`,
      `--service-ranges=${ADDRESSES.serviceRanges}`,
    ],
    { readyWhen: () => isReady(node), readyTimeoutMs: 30_000 },
  );
  return {
    daemon,
    resources,
    rules: { v4: await countRules(node, 'iptables'), v6: await countRules(node, 'ip6tables') },
  };
}

async function isReady(node: Namespace): Promise<boolean> {
  const argv = ['curl', '-s', '-o', '/dev/null', '-m2', '-w', '%{http_code}', 'http://127.0.0.1:15020/readyz'];
  return (await node.run(argv, { allowFailure: true })).stdout === '200';
}

async function countRules(node: Namespace, tool: 'iptables' | 'ip6tables'): Promise<number> {
  const { stdout } = await node.run([`${tool}-save`]);
  return stdout.split('\n').filter((line) => /^-A (LEAT-|.*-j LEAT-)/.test(line)).length;
}

/** The authority is made anew for each run, so its certificate can't stand in the folder of resources. */
function authoritySecrets(pem: string): string {
  return ['shop', 'crm', 'leat-system']
    .map(
      (namespace) => `apiVersion: v1
kind: Secret
metadata:
  name: authority
  namespace: ${namespace}
  labels:
    leat.dev/credential: "true"
stringData:
  ca.crt: |
${pem.trim().replaceAll(/^/gm, '    ')}
`,
    )
    .join('---\n');
}
