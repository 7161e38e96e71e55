// SPDX-License-Identifier: Apache-2.0
/**
 * A small world for whole-daemon tests: three pods (on a bridge, on a routed veth, on a veth without address), a node with
 * init applied, the Internet with the cluster's DNS in it, and a company's network that is reached through tunnels alone.
 */
import { startDnsmasq } from './dnsmasq.ts';
import { InitOfNode } from './init-run.ts';
import type { Lab } from './lab.ts';
import { LeatOnNode, type LeatOptions } from './leat-on-node.ts';
import type { Namespace } from './namespace.ts';
import { namespace, pod } from './resources.ts';
import type { Running } from './running.ts';
import type { StartedServer } from './server.ts';
import { makeThreePods, type PodName, THREE_PODS } from './three-pods.ts';

export const ADDRESSES = {
  ...THREE_PODS,
  internet: ['203.0.113.5', 'fd00:203::5'],
  onPremise: ['192.0.2.7', 'fd00:192::7'],
  dns: ['203.0.113.53', 'fd00:203::53'],
} as const;

export interface World {
  readonly node: Namespace;
  readonly init: InitOfNode;
  readonly pods: Readonly<Record<PodName, Namespace>>;
  readonly internet: Namespace;
  /** No route leads there from pods or node; the Internet's host is its neighbour, so tunnels stand there. */
  readonly onPremise: Namespace;
  /** The cluster's DNS over IPv4; over IPv6 there is another one that knows the same. */
  readonly dns: StartedServer;
  startLeat(options: LeatOptions): Promise<LeatOnNode>;
}

export interface WorldOptions {
  /** Names of the Internet, for the cluster's DNS. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  readonly initArgs?: readonly string[];
}

/** Makes the world and runs init in its node. */
export async function makeWorld(lab: Lab, { hosts = {}, initArgs = [] }: WorldOptions = {}): Promise<World> {
  const resolvConf = `nameserver ${ADDRESSES.dns[0]}\n`;
  const node = await lab.namespace('node', { forward: true, resolvConf });
  const internet = await lab.namespace('internet', { forward: true });
  const onPremise = await lab.namespace('onprem');
  await lab.link(node, 'up0', internet, 'eth0', {
    addressesA: ['203.0.113.1/24', 'fd00:203::1/64'],
    addressesB: [`${ADDRESSES.internet[0]}/24`, `${ADDRESSES.internet[1]}/64`, '203.0.113.53/24', 'fd00:203::53/64'],
  });
  await lab.link(internet, 'prem0', onPremise, 'eth0', {
    addressesA: ['192.0.2.1/24', 'fd00:192::1/64'],
    addressesB: [`${ADDRESSES.onPremise[0]}/24`, `${ADDRESSES.onPremise[1]}/64`],
  });
  await internet.ip('route add default via 203.0.113.1', 'route add default via fd00:203::1');
  const pods = await makeThreePods(lab, node, { resolvConf });
  const [dns] = await Promise.all(
    ADDRESSES.dns.map((address) => startDnsmasq(internet, { address, port: 53, records: { hosts } })),
  );
  const init = await InitOfNode.create(lab, node);
  await init.apply(...initArgs);
  return {
    node,
    init,
    pods,
    internet,
    onPremise,
    dns: dns!,
    startLeat: (options) => LeatOnNode.start(lab, init, options),
  };
}

/** Namespace `shop`, enrolled, with all three pods, as YAML. */
export const SHOP_WITH_PODS = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { leat.dev/intercept: enabled } }
${(['bridged', 'routed', 'unnumbered'] as const)
  .map(
    (name) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ${name} } }
spec: { nodeName: node-1, serviceAccountName: default }
status: { phase: Running, podIPs: [${ADDRESSES[name].map((ip) => `{ ip: "${ip}" }`).join(', ')}] }
`,
  )
  .join('')}`;

/** The node of the tests runs the pods of the namespace; `labels` are those of the namespace. */
export function podsOf(inNamespace: string, names: readonly PodName[], labels?: Record<string, string>): string {
  return documents(
    namespace(inNamespace, labels),
    ...names.map((name) =>
      pod(`${inNamespace}/${name}`, ADDRESSES[name], {
        labels: { app: name },
        nodeName: 'node-1',
        serviceAccountName: `${name}-account`,
      }),
    ),
  );
}

/** Resources as a file of several documents: JSON is YAML. */
export function documents(...resources: readonly object[]): string {
  return resources.map((resource) => JSON.stringify(resource)).join('\n---\n');
}

/** Starts a program of test/kernel/programs, which says when it listens. */
export function serve(place: Namespace, program: string, ...args: string[]): Promise<Running> {
  return place.spawn(programArgv(program, ...args), { readyWhen: /listening/ });
}

/** Runs a program of test/kernel/programs to its end, and returns what it printed as JSON. */
export async function use<T>(place: Namespace, program: string, ...args: string[]): Promise<T> {
  const { stdout } = await place.run(programArgv(program, ...args), { timeoutMs: 120_000 });
  return JSON.parse(stdout) as T;
}

/** What runs a program of test/kernel/programs. */
export function programArgv(program: string, ...args: string[]): string[] {
  return [process.execPath, new URL(`../kernel/programs/${program}.ts`, import.meta.url).pathname, ...args];
}
