// SPDX-License-Identifier: Apache-2.0
import type { Lab } from '../../test/support/lab.ts';
import type { Namespace } from '../../test/support/namespace.ts';

/** The addresses of the demo: documentation ranges (RFC 5737, RFC 3849) outside, private ones inside. */
export const ADDRESSES = {
  api: '203.0.113.10',
  rival: '203.0.113.66',
  internetDns: '203.0.113.53',
  onPremiseEdge: '198.51.100.20',
  /** Inside the on-premise network: nothing in the cluster has a route there. */
  database: '10.20.0.10',
  erp: '10.20.0.11',
  clusterDnsPod: '10.244.0.10',
  clusterDnsService: '10.96.0.10',
  podRanges: '10.244.0.0/16,fd00:244::/64',
  serviceRanges: '10.96.0.0/16',
} as const;

export interface Networks {
  readonly node: Namespace;
  readonly coredns: Namespace;
  readonly shop: Namespace;
  readonly crm: Namespace;
  readonly internet: Namespace;
  readonly onPremise: Namespace;
}

/** A node with three pods on a bridge, an Internet, and an on-premise network of which only the edge can be reached. */
export async function buildNetworks(lab: Lab): Promise<Networks> {
  const node = await lab.namespace('node', { forward: true, resolvConf: `nameserver ${ADDRESSES.internetDns}\n` });
  const internet = await lab.namespace('internet');
  const onPremise = await lab.namespace('onpremise', {
    resolvConf: '',
    hosts: `127.0.0.1 localhost\n${ADDRESSES.database} db.corp.internal\n`,
  });
  await lab.link(node, 'eth0', internet, 'eth0', {
    addressesA: ['203.0.113.2/24', '2001:db8:113::2/64'],
    addressesB: [
      ...[ADDRESSES.api, ADDRESSES.rival, ADDRESSES.internetDns].map((address) => `${address}/24`),
      '2001:db8:113::10/64',
    ],
  });
  await lab.link(node, 'corp0', onPremise, 'eth0', {
    addressesA: ['198.51.100.1/24'],
    addressesB: [`${ADDRESSES.onPremiseEdge}/24`],
  });
  await onPremise.ip(`address add ${ADDRESSES.database}/32 dev lo`, `address add ${ADDRESSES.erp}/32 dev lo`);
  await node.ip(`route add default via ${ADDRESSES.api}`, 'route add default via 2001:db8:113::10');

  await lab.bridge(node, 'cni0', ['10.244.0.1/24', 'fd00:244::1/64']);
  const attach = async (role: string, resolvConf: string, last: number): Promise<Namespace> => {
    const pod = await lab.namespace(role, { resolvConf });
    const addresses = [`10.244.0.${last}/24`, `fd00:244::${last}/64`];
    await lab.attachPodToBridge(pod, node, { bridge: 'cni0', addresses, gateways: ['10.244.0.1', 'fd00:244::1'] });
    return pod;
  };
  const coredns = await attach('coredns', `nameserver ${ADDRESSES.internetDns}\n`, 10);
  const shop = await attach('shop', podResolvConf('shop'), 21);
  const crm = await attach('crm', podResolvConf('crm'), 22);
  await programNode(node);
  return { node, coredns, shop, crm, internet, onPremise };
}

/** What kubelet writes into every pod. */
function podResolvConf(namespace: string): string {
  return `nameserver ${ADDRESSES.clusterDnsService}
search ${namespace}.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
`;
}

/** What kube-proxy and the CNI would have programmed: the Service of the cluster's DNS, and masquerading. */
async function programNode(node: Namespace): Promise<void> {
  const dns = (protocol: string) =>
    `-A KUBE-SERVICES -d ${ADDRESSES.clusterDnsService}/32 -p ${protocol} --dport 53 -j DNAT --to-destination ${ADDRESSES.clusterDnsPod}:53`;
  const rules = [
    '*nat',
    ':KUBE-SERVICES - [0:0]',
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    dns('udp'),
    dns('tcp'),
    '-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE',
    'COMMIT',
  ];
  await node.run(['iptables-restore', '--noflush'], { input: `${rules.join('\n')}\n` });
}
