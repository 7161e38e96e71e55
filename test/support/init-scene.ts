// SPDX-License-Identifier: Apache-2.0
import { InitOfNode } from './init-run.ts';
import type { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import type { Running } from './running.ts';
import { makeThreePods, type PodName } from './three-pods.ts';

const ANSWER = new URL('../kernel/programs/answer-place.ts', import.meta.url).pathname;
const ASK = new URL('../kernel/programs/ask.ts', import.meta.url).pathname;

/** A pod on a bridge, one on a routed veth with an address, one on a veth without any; and a world behind the node. */
export interface InitScene {
  readonly node: Namespace;
  readonly init: InitOfNode;
  readonly pods: Readonly<Record<PodName, Namespace>>;
  readonly world: Namespace;
}

/** Addresses of the scene: a pod's own, and what `turned` answers where REDIRECT took it: the interface of the node. */
export const POD_ADDRESSES = {
  bridged: { 4: '10.1.0.2', 6: 'fd00:1::2', gateway: { 4: '10.1.0.1', 6: 'fd00:1::1' } },
  routed: { 4: '10.1.1.2', 6: 'fd00:1:1::2', gateway: { 4: '10.1.1.1', 6: 'fd00:1:1::1' } },
  unnumbered: { 4: '10.1.2.2', 6: 'fd00:1:2::2', gateway: null },
} as const;
export const WORLD = { 4: '203.0.113.5', 6: 'fd00:203::5' } as const;
export const LEAT = { 4: '169.254.74.1', 6: 'fd6c:6561:7400::1' } as const;
export const SYNTHETIC = { 4: '240.240.0.9', 6: 'fd6c:6561:7401::9' } as const;

export async function makeScene(lab: Lab): Promise<InitScene> {
  const node = await lab.namespace('node', { forward: true });
  const world = await lab.namespace('world');
  await lab.link(node, 'up0', world, 'eth0', {
    addressesA: ['203.0.113.1/24', 'fd00:203::1/64'],
    addressesB: [`${WORLD[4]}/24`, `${WORLD[6]}/64`],
  });
  await world.ip('route add default via 203.0.113.1', 'route add default via fd00:203::1');
  const pods = await makeThreePods(lab, node);
  return { node, init: await InitOfNode.create(lab, node), pods, world };
}

/** Starts a server that answers with its word and the address it was reached at. */
export function answer(place: Namespace, word: string, port: number, ...addresses: string[]): Promise<Running> {
  return place.spawn([process.execPath, ANSWER, word, String(port), ...addresses], { readyWhen: /listening/ });
}

/** What a client hears: the server's answer, `LATE` after 3 s, or the code of its error. */
export async function ask(
  place: Namespace,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  sourcePort = 0,
): Promise<string> {
  const argv = [process.execPath, ASK, protocol, address, String(port), String(sourcePort)];
  return (await place.run(argv)).stdout.trim();
}
