// SPDX-License-Identifier: Apache-2.0
import type { Cluster } from './cluster.ts';
import { STATE_FOLDER } from './cluster-world.ts';

/** Comes and goes by itself: reports, and what Kubernetes makes of other objects. */
const FLEETING = /^(Event|ControllerRevision|Endpoints|EndpointSlice)\//;

/**
 * What a release must leave as it was: the node's rules, sets, and what is on lo. Chains that iptables itself is made of, and counters, tell
 * nothing and are left out; so are pods' interfaces.
 */
export async function readNodeState(cluster: Cluster): Promise<string[]> {
  const commands = [
    ...['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save', 'ipset save'],
    ...[
      'ip -4 route show table all',
      'ip -6 route show table all',
      'ip -o address show dev lo',
      'ip rule',
      'ip -6 rule',
    ],
    `ls -A /run/leat ${STATE_FOLDER} 2>/dev/null || true`,
  ];
  const state: string[] = [];
  for (const command of commands) {
    const output = await cluster.inNode(['sh', '-c', command]);
    const lines = output
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !/^(#|\*|COMMIT|:\S+ (ACCEPT|DROP) )|dev veth|^\/\S+:$/.test(line))
      .map((line) => line.replace(/^(:\S+ -) \[.*/, '$1'));
    state.push(...lines.map((line) => `${command}: ${line}`));
  }
  return state.sort();
}

/** Kind, namespace and name of every object of the cluster, but those that come and go by themselves. */
export async function readObjects(cluster: Cluster): Promise<string[]> {
  const types = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const listed = types.filter((type) => !/^(events|componentstatuses)/.test(type)).join(',');
  const template = '{range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\\n"}{end}';
  const names = await cluster.kubectl(['get', listed, '-A', '-o', `jsonpath=${template}`]);
  return [...new Set(names.trim().split('\n'))].filter((name) => !FLEETING.test(name)).sort();
}
