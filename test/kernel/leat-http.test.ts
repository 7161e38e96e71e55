// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { ADDRESSES, makeWorld, SHOP_WITH_PODS } from '../support/world.ts';

const API = `
apiVersion: v1
kind: Secret
metadata: { name: api-user, namespace: shop, labels: { leat.dev/credential: "true" } }
stringData: { username: shop, password: "pass word" }
---
apiVersion: leat.dev/v1alpha1
kind: Destination
metadata: { name: api, namespace: shop }
spec:
  hosts: [api.partner.test]
  ports: [{ port: 80, protocol: http }]
  route: { type: internet }
  authentication: { type: Basic, basic: { secret: api-user } }
  allowCleartext: true
  workloads: { all: true }
`;

test('a pod that knows nothing reaches an API with the credential of its Destination, over every kind of interface', async (t) => {
  const lab = await createLab('http');
  t.teardown(() => lab.dispose());
  const world = await makeWorld(lab, { hosts: { 'api.partner.test': [...ADDRESSES.internet] } });
  await startNginx(world.internet, { port: 80 });
  const leat = await world.startLeat({ resources: { 'shop.yaml': SHOP_WITH_PODS, 'api.yaml': API } });
  for (const pod of Object.values(world.pods)) {
    const { stdout } = await pod.run(['curl', '-fsS', '-m', '5', 'http://api.partner.test/orders?id=1']);
    t.like(JSON.parse(stdout), { uri: '/orders?id=1', authorization: `Basic ${btoa('shop:pass word')}` });
  }
  for (const pod of ['bridged', 'routed', 'unnumbered']) {
    t.like(await leat.record({ record: 'request', pod }), {
      destination: 'Destination shop/api',
      status: 200,
      flag: 'OK',
      path: '/orders',
    });
  }
  t.false(leat.output().includes('pass word'));
});
