// SPDX-License-Identifier: Apache-2.0
/** Whatever a node programs its rules with, the daemon learns who calls and for what, and the answer finds its way back. */
import test from 'ava';
import { BACKENDS, NAT_MODES } from '../support/init-run.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { destination } from '../support/resources.ts';
import type { PodName } from '../support/three-pods.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const EVERY: readonly PodName[] = ['bridged', 'routed', 'unnumbered'];
/** REDIRECT drops what comes from an interface without address; that is what `auto` is for. */
const NUMBERED: readonly PodName[] = ['bridged', 'routed'];

const MODES = [
  ...BACKENDS.flatMap((backend) => NAT_MODES.map((nat) => ({ backend, nat, target: 'auto', pods: EVERY }))),
  { backend: 'nft', nat: 'iptables', target: 'redirect', pods: NUMBERED },
  { backend: 'legacy', nat: 'iptables', target: 'dnat', pods: EVERY },
  { backend: 'nft', nat: 'nft-table', target: 'dnat', pods: EVERY },
];

let lab: Lab;
let world: World;
let leat: LeatOnNode;

test.before(async () => {
  lab = await createLab('backends');
  world = await makeWorld(lab, { hosts: { 'api.partner.test': [...ADDRESSES.internet] } });
  await startNginx(world.internet, { port: 80 });
  leat = await world.startLeat({
    resources: {
      'shop.yaml': podsOf('shop', EVERY),
      'api.yaml': documents(
        destination('shop/api', {
          hosts: ['api.partner.test'],
          headers: [{ name: 'User-Agent', value: 'enriched', mode: 'set' }],
        }),
      ),
    },
  });
});
test.after.always(() => lab.dispose());

for (const { backend, nat, target, pods } of MODES) {
  test.serial(`${pods.join(', ')} are captured over IPv4 and IPv6: ${backend}, ${nat}, ${target}`, async (t) => {
    await world.init.apply(`--backend=${backend}`, `--nat=${nat}`, `--target=${target}`);
    for (const pod of pods) {
      for (const family of [4, 6] as const) {
        const path = `/${backend}/${nat}/${target}/${pod}/${family}`;
        const argv = ['curl', '-sS', `-${family}`, '-m', '10', `http://api.partner.test${path}`];
        const { stdout, stderr } = await world.pods[pod].run(argv, { allowFailure: true });
        t.is(stderr, '');
        t.like(JSON.parse(stdout), { uri: path, 'user-agent': 'enriched' });
        const { connection } = await leat.record({ record: 'request', path });
        const source = family === 4 ? ADDRESSES[pod][0] : `[${ADDRESSES[pod][1]}]`;
        const record = await leat.record({ record: 'connection', id: connection });
        t.like(record, { namespace: 'shop', pod, host: 'api.partner.test', flag: 'OK' });
        t.true(String(record.source).startsWith(`${source}:`), String(record.source));
        t.regex(String(record.originalDestination), family === 4 ? /^240\.240\..*:80$/ : /^\[fd6c:6561:7401::.*\]:80$/);
      }
    }
  });
}
