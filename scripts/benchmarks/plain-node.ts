// SPDX-License-Identifier: Apache-2.0
import { startDnsmasq } from '../../test/support/dnsmasq.ts';
import { InitOfNode } from '../../test/support/init-run.ts';
import type { Lab } from '../../test/support/lab.ts';
import { LeatOnNode } from '../../test/support/leat-on-node.ts';
import type { Namespace } from '../../test/support/namespace.ts';
import { clusterDestination, namespace, nodePolicy, pod } from '../../test/support/resources.ts';
import { documents } from '../../test/support/world.ts';
import { kubeProxyRules } from './kube-proxy-rules.ts';

/** Of the far end, behind each node alike. */
export const FAR_END = '203.0.113.5';
const DNS = '203.0.113.53';
const ADDRESSES = { enrolled: ['10.1.1.2', 'fd00:1:1::2'], other: ['10.1.2.2', 'fd00:1:2::2'] } as const;

/** A node with conntrack and kube-proxy's rules, two pods on routed veth pairs, and a far end. */
export interface PlainNode {
  readonly node: Namespace;
  readonly farEnd: Namespace;
  readonly pods: Readonly<Record<keyof typeof ADDRESSES, Namespace>>;
}

/** `name` tells the nodes of one lab apart. */
export async function makePlainNode(lab: Lab, name: string): Promise<PlainNode> {
  const node = await lab.namespace(`node-${name}`, { forward: true, resolvConf: `nameserver ${DNS}\n` });
  const farEnd = await lab.namespace(`far-${name}`);
  await lab.link(node, 'up0', farEnd, 'eth0', {
    addressesA: ['203.0.113.1/24'],
    addressesB: [`${FAR_END}/24`, `${DNS}/24`],
  });
  await farEnd.ip('route add default via 203.0.113.1');
  await startDnsmasq(farEnd, { address: DNS, port: 53, records: { hosts: {} } });
  const pods = { enrolled: await lab.namespace(`in-${name}`), other: await lab.namespace(`out-${name}`) };
  for (const [which, place] of Object.entries(pods)) {
    await lab.attachPodRouted(place, node, { addresses: [...ADDRESSES[which as keyof typeof pods]] });
    // Tens of thousands of connections to one port within a minute.
    await place.sysctl('net.ipv4.ip_local_port_range=10000 65535');
  }
  await node.sysctl(
    'net.netfilter.nf_conntrack_tcp_timeout_time_wait=2',
    // As systemd has it, see its 50-default.conf. With 0 the kernel looks sources up only once there is a local route, such as Leat's.
    'net.ipv4.conf.all.rp_filter=2',
  );
  await node.run(['iptables-restore'], { input: kubeProxyRules(4) });
  await node.run(['ip6tables-restore'], { input: kubeProxyRules(6) });
  return { node, farEnd, pods };
}

/** Leat as it is delivered, with something in the sets that its rules ask. */
export async function startLeatOn(lab: Lab, { node }: PlainNode): Promise<LeatOnNode> {
  const init = await InitOfNode.create(lab, node);
  await init.apply();
  const capture = { cidrs: ['192.0.2.0/24', '198.51.100.128/25'], exclude: ['10.0.0.0/8', '172.16.0.0/12'] };
  const resources = documents(
    nodePolicy('bench', { priority: 1, nodes: { all: true }, accessLog: 'None', capture }),
    clusterDestination('api', { hosts: ['api.bench.test'], ports: [{ port: 80, protocol: 'tcp' }] }),
    namespace('bench'),
    pod('bench/enrolled', ADDRESSES.enrolled, { nodeName: 'node-1' }),
    namespace('other', {}),
    pod('other/other', ADDRESSES.other, { nodeName: 'node-1' }),
  );
  return LeatOnNode.start(lab, init, { resources: { 'bench.yaml': resources } });
}
