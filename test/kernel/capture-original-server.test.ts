// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createLab } from '../support/lab.ts';

const SERVER = new URL('programs/answer-original-server.ts', import.meta.url).pathname;
const ASK = new URL('programs/ask.ts', import.meta.url).pathname;
const PORT = '15053';
const LEAT = { 4: '169.254.74.1', 6: 'fd6c:6561:7400::1' } as const;

for (const neighbour of ['numbered', 'unnumbered'] as const) {
  test(`tells the DNS server that a captured client asked, on a ${neighbour} interface`, async (t) => {
    const lab = await createLab('original-server');
    t.teardown(() => lab.dispose());
    const node = await lab.namespace('node', { forward: true });
    const pod = await lab.namespace('pod');
    await lab.attachPodRouted(pod, node, {
      addresses: ['10.0.1.2', 'fd00:1::2'],
      ...(neighbour === 'numbered' ? { gateways: ['10.0.1.1', 'fd00:1::1'] } : {}),
    });
    await node.ip(`address add ${LEAT[4]}/32 dev lo`, `address add ${LEAT[6]}/128 dev lo nodad`);
    for (const protocol of ['udp', 'tcp']) {
      const match = ['-p', protocol, '--dport', '53', '-j'];
      for (const tool of ['iptables', 'ip6tables']) {
        await node.run([tool, '-t', 'raw', '-A', 'PREROUTING', ...match, 'CT', '--zone-orig', '7401']);
      }
      await node.run(['iptables', '-t', 'nat', '-A', 'PREROUTING', ...match, 'DNAT', '--to', `${LEAT[4]}:${PORT}`]);
      await node.run(['ip6tables', '-t', 'nat', '-A', 'PREROUTING', ...match, 'DNAT', '--to', `[${LEAT[6]}]:${PORT}`]);
    }
    await node.spawn([process.execPath, SERVER, PORT, LEAT[4], LEAT[6]], { readyWhen: /listening/ });

    const ask = async (protocol: string, address: string, sourcePort = '0'): Promise<string> =>
      (await pod.run([process.execPath, ASK, protocol, address, '53', sourcePort])).stdout.trim();
    t.is(await ask('udp', '10.96.0.10'), '10.96.0.10:53');
    t.is(await ask('udp', 'fd00:96::a'), '[fd00:96::a]:53');
    t.is(await ask('tcp', '10.96.0.10'), '10.96.0.10:53 10.96.0.10:53');
    t.is(await ask('tcp', 'fd00:96::a'), '[fd00:96::a]:53 [fd00:96::a]:53');
    // The same client to another server: conntrack then tells the replies apart by another port of the client.
    t.is(await ask('udp', '10.96.0.10', '40000'), '10.96.0.10:53');
    t.is(await ask('udp', '10.96.0.11', '40000'), '10.96.0.11:53');
  });
}

test('says ENOENT for a flow that conntrack does not know in this direction', async (t) => {
  const lab = await createLab('original-server-unknown');
  t.teardown(() => lab.dispose());
  const node = await lab.namespace('node');
  const native = new URL('../../daemon/native/index.ts', import.meta.url).href;
  const script = `
    import { createSocket } from 'node:dgram';
    import { originalServer } from '${native}';
    const [a, b] = [createSocket('udp4'), createSocket('udp4')];
    await new Promise((resolve) => a.bind(1001, '127.0.0.1', resolve));
    await new Promise((resolve) => b.bind(1002, '127.0.0.1', resolve));
    b.send('?', 1001, '127.0.0.1');
    await new Promise((resolve) => a.once('message', resolve));
    const [first, second] = [{ address: '127.0.0.1', port: 1001 }, { address: '127.0.0.1', port: 1002 }];
    const tell = (local, peer) => {
      try { return originalServer({ local, peer }, 'udp').port } catch (error) { return error.code }
    };
    console.log(tell(first, second), tell(second, first), tell(first, { address: '127.0.0.1', port: 1003 }));
    a.close();
    b.close();
  `;
  // A rule that needs conntrack makes the namespace track.
  await node.run(['iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT']);
  const { stdout } = await node.run([process.execPath, '--input-type=module', '-e', script]);
  t.is(stdout.trim(), '1001 ENOENT ENOENT');
});
