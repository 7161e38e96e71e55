// SPDX-License-Identifier: Apache-2.0

/** What libcni leaves of a pod's network, as containerd 1.6 has it write; addresses with the length of their network. */
export function cniResult(podUid: string, addresses: readonly string[]): string {
  const containerId = '249d778a1b0eac6203df2ce86f052969b651352902834304646488b76816da87';
  return JSON.stringify({
    kind: 'cniCacheV1',
    containerId,
    config: 'eyJjbmlWZXJzaW9uIjoiMS4wLjAifQo=',
    ifName: 'eth0',
    networkName: 'bridge',
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', 'shop'],
      ['K8S_POD_NAME', 'web'],
      ['K8S_POD_INFRA_CONTAINER_ID', containerId],
      ['K8S_POD_UID', podUid],
    ],
    capabilityArgs: {},
    result: {
      cniVersion: '1.0.0',
      dns: {},
      interfaces: [
        { name: 'cni0', mac: 'c2:9e:a0:83:b5:db' },
        { name: 'eth0', mac: 'c2:8c:75:15:1f:95', sandbox: '/var/run/netns/cni-a1607780' },
      ],
      ips: addresses.map((address) => ({ address, interface: 1 })),
      routes: [{ dst: '0.0.0.0/0' }],
    },
  });
}
