// SPDX-License-Identifier: Apache-2.0
import type { Lab } from './lab.ts';
import type { Namespace, NamespaceOptions } from './namespace.ts';

export type PodName = 'bridged' | 'routed' | 'unnumbered';

/** IPv4 and IPv6 of each. */
export const THREE_PODS = {
  bridged: ['10.1.0.2', 'fd00:1::2'],
  routed: ['10.1.1.2', 'fd00:1:1::2'],
  unnumbered: ['10.1.2.2', 'fd00:1:2::2'],
} as const;

/** As CNIs attach pods: one to a bridge, one by a routed veth, one by a veth whose end on the node has no address. */
export async function makeThreePods(
  lab: Lab,
  node: Namespace,
  options: NamespaceOptions = {},
): Promise<Record<PodName, Namespace>> {
  const pods = {
    bridged: await lab.namespace('bridged', options),
    routed: await lab.namespace('routed', options),
    unnumbered: await lab.namespace('unnumb', options),
  };
  await lab.bridge(node, 'cni0', ['10.1.0.1/24', 'fd00:1::1/64']);
  const [ipv4, ipv6] = THREE_PODS.bridged;
  await lab.attachPodToBridge(pods.bridged, node, {
    bridge: 'cni0',
    addresses: [`${ipv4}/24`, `${ipv6}/64`],
    gateways: ['10.1.0.1', 'fd00:1::1'],
  });
  await lab.attachPodRouted(pods.routed, node, {
    addresses: [...THREE_PODS.routed],
    gateways: ['10.1.1.1', 'fd00:1:1::1'],
  });
  await lab.attachPodRouted(pods.unnumbered, node, { addresses: [...THREE_PODS.unnumbered] });
  return pods;
}
