// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from './namespace.ts';

export interface LinkOptions {
  /** Addresses with prefix length, either family: ['10.0.0.1/24', 'fd00::1/64']. */
  readonly addressesA?: readonly string[];
  readonly addressesB?: readonly string[];
  readonly mtu?: number;
}

/** Joins two namespaces by a veth pair, both ends up. */
export async function linkNamespaces(
  a: Namespace,
  nameA: string,
  b: Namespace,
  nameB: string,
  options: LinkOptions = {},
): Promise<void> {
  const mtu = options.mtu === undefined ? [] : ['mtu', String(options.mtu)];
  const pair = [nameA, ...mtu, 'netns', a.name, 'type', 'veth', 'peer', 'name', nameB, ...mtu, 'netns', b.name];
  await a.run(['ip', 'link', 'add', ...pair]);
  await a.ip(...addressLines(nameA, options.addressesA), `link set ${nameA} up`);
  await b.ip(...addressLines(nameB, options.addressesB), `link set ${nameB} up`);
  await awaitLinkLocal(a, nameA);
  await awaitLinkLocal(b, nameB);
}

// Without its link-local address an end sends no neighbour solicitation for packets that it forwards, and the next try is a second later.
async function awaitLinkLocal(namespace: Namespace, device: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const { stdout } = await namespace.run([
      'ip',
      '-6',
      '-o',
      'address',
      'show',
      'dev',
      device,
      'scope',
      'link',
      '-tentative',
    ]);
    if (stdout !== '') return;
    await sleep(10);
  }
  throw new Error(`${device} of ${namespace.name} got no link-local address within 2 s`);
}

function addressLines(device: string, addresses: readonly string[] = []): string[] {
  return addresses.map(
    (address) => `address add ${address} dev ${device}${isIPv6(withoutLength(address)) ? ' nodad' : ''}`,
  );
}

function withoutLength(address: string): string {
  return address.replace(/\/\d+$/, '');
}

/** Makes a bridge as a bridge CNI does: bridged packets pass iptables (br_netfilter), as kube-proxy demands. */
export async function makeBridge(node: Namespace, name: string, addresses: readonly string[]): Promise<void> {
  await node.ip(
    `link add ${name} type bridge forward_delay 0`,
    ...addressLines(name, addresses),
    `link set ${name} up`,
  );
  // The parameters exist only where the module is there; where it is built in or loaded, modprobe is not needed and may be absent.
  await node.run(['sh', '-c', 'test -e /proc/sys/net/bridge || modprobe br_netfilter'], { allowFailure: true });
  await node.sysctl('net.bridge.bridge-nf-call-iptables=1', 'net.bridge.bridge-nf-call-ip6tables=1');
}

export interface BridgePodOptions {
  readonly bridge: string;
  /** The pod's addresses with prefix length. */
  readonly addresses: readonly string[];
  /** The bridge's addresses, one per family, without length. */
  readonly gateways: readonly string[];
  /** The name of the node's end of the pair; default `veth-` and the end of the pod's name. At most 15 characters. */
  readonly hostInterface?: string;
}

/** Attaches a pod to a bridge of the node, as the CNI plugin `bridge` does. Returns the name of the node's end. */
export async function attachPodToBridge(pod: Namespace, node: Namespace, options: BridgePodOptions): Promise<string> {
  const hostInterface = options.hostInterface ?? hostInterfaceOf(pod);
  await linkNamespaces(pod, 'eth0', node, hostInterface, { addressesA: options.addresses });
  await node.ip(`link set ${hostInterface} master ${options.bridge}`);
  await pod.ip(...options.gateways.map((gateway) => `route add default via ${gateway}`));
  return hostInterface;
}

export interface RoutedPodOptions {
  /** The pod's addresses, without length: they become /32 and /128. */
  readonly addresses: readonly string[];
  readonly hostInterface?: string;
  /** The addresses of the node's end, without length, one per family, as the CNI plugin `ptp` gives it.
   *  Absent: it has none, as with Calico and the AWS VPC CNI, and the pod's route goes through 169.254.1.1. */
  readonly gateways?: readonly string[];
  /** How the pod learns the link address behind 169.254.1.1: `permanent` entry (AWS; default), or `proxyArp` (Calico;
   *  the kernel then answers only if the node has a route to 169.254.1.1, such as a default route). */
  readonly neighbour?: 'permanent' | 'proxyArp';
}

/** Attaches a pod by a routed veth, without any bridge. Returns the name of the node's end. */
export async function attachPodRouted(pod: Namespace, node: Namespace, options: RoutedPodOptions): Promise<string> {
  const hostInterface = options.hostInterface ?? hostInterfaceOf(pod);
  const full = (address: string) => `${address}/${isIPv6(address) ? 128 : 32}`;
  await linkNamespaces(pod, 'eth0', node, hostInterface, {
    addressesA: options.addresses.map(full),
    addressesB: (options.gateways ?? []).map(full),
  });
  await node.ip(...options.addresses.map((address) => `route add ${full(address)} dev ${hostInterface}`));
  if (options.gateways !== undefined) {
    for (const gateway of options.gateways) {
      await pod.ip(`route add ${full(gateway)} dev eth0`, `route add default via ${gateway} dev eth0`);
    }
    return hostInterface;
  }
  await routeThroughUnnumberedEnd(pod, node, hostInterface, options);
  return hostInterface;
}

// Calico gives every node side this one link address, so that the pod's entries survive a move of the pod.
const calicoLinkAddress = 'ee:ee:ee:ee:ee:ee';
const calicoLinkLocal = 'fe80::ecee:eeff:feee:eeee';

async function routeThroughUnnumberedEnd(
  pod: Namespace,
  node: Namespace,
  hostInterface: string,
  options: RoutedPodOptions,
): Promise<void> {
  await node.ip(
    `link set ${hostInterface} down`,
    `link set ${hostInterface} address ${calicoLinkAddress}`,
    `link set ${hostInterface} up`,
  );
  await awaitLinkLocal(node, hostInterface);
  await awaitLinkLocal(pod, 'eth0');
  // Taking the link down took the routes with it.
  await node.ip(...options.addresses.map((address) => `route replace ${address} dev ${hostInterface}`));
  const proxyArp = options.neighbour === 'proxyArp';
  if (proxyArp) {
    // The kernel would wait up to 0.8 s before it answers for another.
    await node.sysctl(`net.ipv4.conf.${hostInterface}.proxy_arp=1`, `net.ipv4.neigh.${hostInterface}.proxy_delay=0`);
  }
  if (options.addresses.some((address) => !isIPv6(address))) {
    if (!proxyArp) await pod.ip(`neigh replace 169.254.1.1 lladdr ${calicoLinkAddress} dev eth0 nud permanent`);
    await pod.ip('route add 169.254.1.1 dev eth0 scope link', 'route add default via 169.254.1.1 dev eth0');
  }
  if (options.addresses.some((address) => isIPv6(address))) {
    await pod.ip(
      `neigh replace ${calicoLinkLocal} lladdr ${calicoLinkAddress} dev eth0 nud permanent`,
      `route add default via ${calicoLinkLocal} dev eth0`,
    );
  }
}

function hostInterfaceOf(pod: Namespace): string {
  return `veth-${pod.name.replace(/^leat-\d+-\d+-/, '')}`.slice(0, 15);
}
