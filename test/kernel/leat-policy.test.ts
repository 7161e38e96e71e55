// SPDX-License-Identifier: Apache-2.0
/** What NodePolicy refuses, what it lets pass, and how far the daemon itself may reach. */
import test from 'ava';
import { type CurlAnswer, curl, dig } from '../support/curl.ts';
import { answer, ask } from '../support/init-scene.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, nodePolicy } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, podsOf, programArgv, serve, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const EXCLUDED = '203.0.113.77';
/** Names by which an application would have the daemon reach what no pod can. */
const NEAR = {
  'loopback.evil.test': '127.0.0.1',
  'node.evil.test': '203.0.113.1',
  'bridge.evil.test': '10.1.0.1',
  'metadata.evil.test': '169.254.169.254',
  'leat.evil.test': '169.254.74.1',
  'loopback6.evil.test': '::1',
  'mapped.evil.test': '::ffff:127.0.0.1',
  'neighbour.evil.test': '203.0.113.66',
} as const;
const ADMIN_PORT = 15020;
const HELD = 2;

let lab: Lab;
let world: World;
let leat: LeatOnNode;

test.before(async () => {
  lab = await createLab('policy');
  const near = Object.entries(NEAR).map(([name, address]): [string, string[]] => [name, [address]]);
  world = await makeWorld(lab, {
    hosts: { ...Object.fromEntries(near), 'api.partner.test': [HERE], 'mail.partner.test': [HERE] },
  });
  await world.internet.ip(`address add ${EXCLUDED}/24 dev eth0`);
  await startNginx(world.internet, { port: 80 });
  await answer(world.internet, 'outside', 8080, HERE, EXCLUDED);
  await serve(world.internet, 'serve-streams', '0', 'banner=25');
  const api = { hosts: ['api.partner.test'] };
  leat = await world.startLeat({
    resources: {
      'open.yaml': podsOf('open', ['bridged']),
      'limited.yaml': podsOf('limited', ['routed']),
      'closed.yaml': podsOf('closed', ['unnumbered']),
      'destinations.yaml': documents(
        destination('open/api', api),
        destination('closed/api', api),
        destination('limited/mail', { hosts: ['mail.partner.test'], ports: [{ port: 25, protocol: 'tcp' }] }),
        destination('open/near', {
          hosts: Object.keys(NEAR),
          ports: [
            { port: ADMIN_PORT, protocol: 'http' },
            { port: 25, protocol: 'tcp', upstream: { port: ADMIN_PORT } },
          ],
        }),
      ),
      'policy.yaml': documents(
        nodePolicy('node', {
          capture: { exclude: [`${EXCLUDED}/32`] },
          rules: [
            { name: 'closed', namespaces: { names: ['closed'] }, defaultAction: 'Deny' },
            { name: 'limited', namespaces: { names: ['limited'] }, connectionsPerPod: HELD },
          ],
        }),
      ),
    },
    options: ['--pod-ranges=10.1.0.0/16', '--node-ranges=203.0.113.64/29'],
  });
});
test.after.always(() => lab.dispose());

test('under Deny a pod reaches what a Destination describes, and no other address', async (t) => {
  const { unnumbered, bridged } = world.pods;
  t.is((await curl(unnumbered, 'http://api.partner.test/')).status, 200);
  t.is(await ask(unnumbered, 'tcp', HERE, 8080), 'ECONNRESET');
  const originalDestination = `${HERE}:8080`;
  t.like(await leat.record({ record: 'connection', code: 'DEFAULT_DENIED', originalDestination }), {
    flag: 'DENIED',
    namespace: 'closed',
    pod: 'unnumbered',
    rule: 'NodePolicy node/closed default action Deny',
  });
  t.is(await ask(bridged, 'tcp', HERE, 8080), `outside ${HERE}`, 'the neighbour without Deny');
});

test('under Deny UDP does not get out, and ICMP neither', async (t) => {
  const { unnumbered, bridged } = world.pods;
  t.is(await ask(unnumbered, 'udp', HERE, 8080), 'LATE');
  t.is(await ask(bridged, 'udp', HERE, 8080), `outside ${HERE}`);
  t.not((await unnumbered.run(['ping', '-c1', '-W1', HERE], { allowFailure: true })).code, 0);
});

test('under Deny an excluded address is reached as if Leat were not there', async (t) => {
  t.is(await ask(world.pods.unnumbered, 'tcp', EXCLUDED, 8080), `outside ${EXCLUDED}`);
  t.is(await ask(world.pods.unnumbered, 'udp', EXCLUDED, 8080), `outside ${EXCLUDED}`);
});

test('a port of a managed host that no Destination declares goes to the host, or is refused under Deny', async (t) => {
  const open = await dig(world.pods.bridged, 'api.partner.test');
  t.is(await ask(world.pods.bridged, 'tcp', open, 8080), `outside ${HERE}`);
  t.is(await ask(world.pods.unnumbered, 'tcp', open, 8080), 'ECONNRESET');
  const record = await leat.record({ record: 'connection', code: 'PORT_NOT_DECLARED' });
  t.like(record, { host: 'api.partner.test', namespace: 'closed' });
});

test('a pod has so many connections at a time as the policy says, and a place is free when one ends', async (t) => {
  const hold = () =>
    world.pods.routed.spawn(programArgv('hold-connection', 'mail.partner.test', '25'), { readyWhen: /ready|E[A-Z]+/ });
  const held = await Promise.all(Array.from({ length: HELD }, hold));
  for (const each of held) t.regex(each.stdout(), /220 ready/);
  t.regex((await hold()).stdout(), /ECONNRESET/);
  t.like(await leat.record({ record: 'connection', code: 'CONNECTION_LIMIT' }), { flag: 'LIMIT', pod: 'routed' });
  await held[0]?.stop('SIGKILL');
  await until('a place is free', async () => (await hold()).stdout().includes('220 ready'));
});

for (const [host, address] of Object.entries(NEAR)) {
  test(`a name that resolves to ${address} leads no application there`, async (t) => {
    const refused: CurlAnswer = await curl(world.pods.bridged, `http://${host}:${ADMIN_PORT}/metrics`);
    t.is(refused.status, 403);
    t.is(refused.headers['x-error-internal-code'], 'UPSTREAM_ADDRESS_REFUSED');
    t.false(refused.body.includes('leat_connections'));
    t.like(await leat.record({ record: 'request', host }), { code: 'UPSTREAM_ADDRESS_REFUSED', flag: 'DENIED' });
    const synthetic = await dig(world.pods.bridged, host);
    t.is(await ask(world.pods.bridged, 'tcp', synthetic, 25), 'ECONNRESET', 'the same for tcp');
    t.like(await leat.record({ record: 'connection', host, route: 'tcp' }), { code: 'UPSTREAM_ADDRESS_REFUSED' });
  });
}
