// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createLab } from '../support/lab.ts';
import { isRoot } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, makeWorld, serve } from '../support/world.ts';

const withRoot = isRoot() ? test : test.skip;

withRoot(
  'the link that has an address is known: of a bridge its port, of a routed veth itself; and how young it is',
  async (t) => {
    const lab = await createLab('links');
    t.teardown(() => lab.dispose());
    const { node, pods } = await makeWorld(lab);
    const links = await serve(node, 'follow-links');
    let asked = 0;
    const ask = async (address: string): Promise<{ arrival: number | string; arrivals: number }> => {
      links.write(`${address}\n`);
      asked += 1;
      const answers = (): string[] =>
        links
          .stdout()
          .split('\n')
          .filter((line) => line.startsWith('{'));
      await until('an answer', () => answers().length === asked);
      return JSON.parse(answers().at(-1) ?? '');
    };
    const knock = async (pod: typeof pods.bridged, gateway: string): Promise<void> => {
      await pod.run(['ping', '-c', '1', '-W', '2', gateway]);
    };
    await knock(pods.bridged, '10.1.0.1');
    await knock(pods.bridged, 'fd00:1::1');
    for (const address of [...ADDRESSES.bridged, ...ADDRESSES.routed, ...ADDRESSES.unnumbered]) {
      t.like(await ask(address), { arrival: 0, arrivals: 0 }, address);
    }
    t.like(await ask('10.1.0.77'), { arrival: 'ENOENT' }, 'no such neighbour');
    t.like(await ask('198.51.100.1'), { arrival: 'ENETUNREACH' }, 'no route');

    const [address4, address6] = ADDRESSES.bridged;
    const other = await lab.namespace('other');
    await pods.bridged.ip('link delete eth0');
    await lab.attachPodToBridge(other, node, {
      bridge: 'cni0',
      addresses: [`${address4}/24`, `${address6}/64`],
      gateways: ['10.1.0.1', 'fd00:1::1'],
    });
    await knock(other, '10.1.0.1');
    await knock(other, 'fd00:1::1');
    for (const address of ADDRESSES.bridged) t.like(await ask(address), { arrival: 1, arrivals: 1 }, address);
    t.like(await ask(ADDRESSES.routed[0]), { arrival: 0 }, 'the others are as old as they were');

    await pods.routed.ip('link delete eth0');
    await lab.attachPodRouted(pods.routed, node, { addresses: [ADDRESSES.routed[0]], gateways: ['10.1.1.1'] });
    t.like(await ask(ADDRESSES.routed[0]), { arrival: 2, arrivals: 2 });

    // more than a socket holds: what got lost is found again
    const many = Array.from({ length: 100 }, (_, index) => `link add many${index} type bridge`);
    await node.ip(...many);
    await node.ip(...many.map((_, index) => `link delete many${index}`));
    await lab.attachPodRouted(pods.bridged, node, { addresses: ['10.1.7.7'], gateways: ['10.1.7.1'] });
    const { arrival, arrivals } = await ask('10.1.7.7');
    t.is(arrival, arrivals, 'the youngest');
    t.true(Number(arrival) > 2);
  },
);
