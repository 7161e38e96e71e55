// SPDX-License-Identifier: Apache-2.0
/** The whole daemon with the portable relay, and with an engine of several threads: the same connections, the same records. */
import test from 'ava';
import { curl } from '../support/curl.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startMicrosocks } from '../support/microsocks.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, nodePolicy, tunnel } from '../support/resources.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const [THERE] = ADDRESSES.onPremise;
const PORT = 8080;
const NOBODY = 8081;

let lab: Lab;
let world: World;

test.before(async () => {
  lab = await createLab('relays');
  world = await makeWorld(lab, { hosts: { 'direct.partner.test': [HERE], 'web.partner.test': [HERE] } });
  await startNginx(world.internet, { port: PORT });
  await startNginx(world.onPremise, { port: PORT });
  await startMicrosocks(world.internet, { address: HERE, port: 1080 });
});
test.after.always(() => lab.dispose());

function startLeat(...options: string[]): Promise<LeatOnNode> {
  const ports = [PORT, NOBODY].map((port) => ({ port, protocol: 'tcp' as const }));
  return world.startLeat({
    options,
    resources: {
      'all.yaml': documents(
        nodePolicy('strict', { defaultAction: 'Deny' }),
        destination('shop/direct', { hosts: ['direct.partner.test'], ports }),
        destination('shop/web', {
          hosts: ['web.partner.test'],
          ports: [{ port: 80, protocol: 'http', upstream: { port: PORT } }],
        }),
        destination('shop/far', {
          hosts: ['far.corp.test'],
          ports: [{ port: PORT, protocol: 'tcp' }],
          route: { type: 'onPremise', tunnel: 'datacenter', virtualHost: THERE },
        }),
        tunnel('datacenter', {
          endpoints: [{ host: HERE, port: 1080 }],
          allow: [{ namespaces: { all: true }, hosts: ['far.corp.test', THERE], ports: [{ port: PORT }] }],
        }),
      ),
      'pods.yaml': podsOf('shop', ['routed']),
    },
  });
}

for (const option of ['--relay=streams', '--workers=3']) {
  test.serial(`${option}: connections direct, through a tunnel, of http and refused ones`, async (t) => {
    const leat = await startLeat(option);
    const { routed } = world.pods;
    try {
      for (const url of [`http://direct.partner.test:${PORT}/`, `http://far.corp.test:${PORT}/`]) {
        const answers = await Promise.all(Array.from({ length: 8 }, () => curl(routed, url)));
        t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), url);
      }
      t.is((await curl(routed, 'http://web.partner.test/')).status, 200);
      for (const port of [NOBODY, 1234]) {
        // A reset that is quick meets the client still connecting.
        const { code } = await curl(routed, `http://direct.partner.test:${port}/`);
        t.true(code === 7 || code === 56, `${port}: ${code}`);
      }
      t.like(await leat.record({ route: 'tcp', destination: 'Destination shop/direct', flag: 'OK' }), {
        pod: 'routed',
        upstream: `direct.partner.test:${PORT}`,
      });
      t.like(await leat.record({ route: 'socks5/tcp', flag: 'OK' }), {
        upstream: `${THERE}:${PORT} through datacenter`,
      });
      await leat.record({ code: 'UPSTREAM_CONNECT_FAILED' });
      await leat.record({ code: 'PORT_NOT_DECLARED' });
    } finally {
      await leat.stop();
    }
    t.regex(leat.output(), /the daemon has stopped/);
  });
}
