// SPDX-License-Identifier: Apache-2.0
import type { Family } from '../../daemon/net/endpoint.ts';

/** Of a small cluster: with more of them every new connection passes more rules of kube-proxy's, and Leat's share is less. */
const SERVICES = 20;
const ENDPOINTS = 2;
const MASQUERADE = '0x4000/0x4000';

/**
 * What kube-proxy writes in mode iptables, as input of iptables-restore: its chains in filter and nat with their jumps, and
 * Services with two endpoints each. Conntrack is on with it: nat and `--ctstate` ask for it.
 *
 * @see kubernetes/pkg/proxy/iptables/proxier.go, syncProxyRules
 */
export function kubeProxyRules(family: Family): string {
  const services = Array.from({ length: SERVICES }, (_, index) => service(family, index));
  return `*filter
${declare(['KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL', 'KUBE-SERVICES'])}
${isNew('INPUT', 'kubernetes load balancer firewall', 'KUBE-PROXY-FIREWALL')}
-A INPUT ${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS
${isNew('INPUT', 'kubernetes externally-visible service portals', 'KUBE-EXTERNAL-SERVICES')}
${isNew('FORWARD', 'kubernetes load balancer firewall', 'KUBE-PROXY-FIREWALL')}
-A FORWARD ${comment('kubernetes forwarding rules')} -j KUBE-FORWARD
${isNew('FORWARD', 'kubernetes service portals', 'KUBE-SERVICES')}
${isNew('FORWARD', 'kubernetes externally-visible service portals', 'KUBE-EXTERNAL-SERVICES')}
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD ${comment('kubernetes forwarding rules')} -m mark --mark ${MASQUERADE} -j ACCEPT
-A KUBE-FORWARD ${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
${declare(['KUBE-MARK-MASQ', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-SERVICES', ...services.flatMap(({ chains }) => chains)])}
-A PREROUTING ${comment('kubernetes service portals')} -j KUBE-SERVICES
-A OUTPUT ${comment('kubernetes service portals')} -j KUBE-SERVICES
-A POSTROUTING ${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark ${MASQUERADE} -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING ${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully
${services.flatMap(({ rules }) => rules).join('\n')}
-A KUBE-SERVICES ${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
`;
}

function service(family: Family, index: number): { chains: readonly string[]; rules: readonly string[] } {
  const length = family === 4 ? 32 : 128;
  const [address, pods] = family === 4 ? [`10.96.0.${index + 1}`, '10.244.0'] : [`fd00:96::${index + 1}`, 'fd00:244:'];
  const endpoint = (number: number): string => `${pods}${family === 4 ? '.' : ':'}${index * ENDPOINTS + number + 10}`;
  const name = comment(`default/service-${index}:http cluster IP`);
  const chain = `KUBE-SVC-${index}`;
  const endpointChains = Array.from({ length: ENDPOINTS }, (_, number) => `KUBE-SEP-${index}-${number}`);
  const asked = `-d ${address}/${length} -p tcp ${name} -m tcp --dport 80`;
  const ownPods = family === 4 ? '10.244.0.0/16' : 'fd00:244::/64';
  return {
    chains: [chain, ...endpointChains],
    rules: [
      `-A KUBE-SERVICES ${asked} -j ${chain}`,
      `-A ${chain} ! -s ${ownPods} ${asked} -j KUBE-MARK-MASQ`,
      ...endpointChains.flatMap((endpointChain, number) => {
        const host = endpoint(number);
        const chance =
          number === ENDPOINTS - 1 ? '' : ` -m statistic --mode random --probability ${1 / (ENDPOINTS - number)}`;
        return [
          `-A ${chain} ${name}${chance} -j ${endpointChain}`,
          `-A ${endpointChain} -s ${host}/${length} ${name} -j KUBE-MARK-MASQ`,
          `-A ${endpointChain} -p tcp ${name} -m tcp -j DNAT --to-destination ${family === 4 ? host : `[${host}]`}:8080`,
        ];
      }),
    ],
  };
}

function declare(chains: readonly string[]): string {
  return chains.map((chain) => `:${chain} - [0:0]`).join('\n');
}

function isNew(from: string, text: string, chain: string): string {
  return `-A ${from} -m conntrack --ctstate NEW ${comment(text)} -j ${chain}`;
}

function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}
