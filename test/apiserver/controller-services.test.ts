// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ApiServer } from '../support/apiserver.ts';
import { type Controller, makeControllerScene } from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { until } from '../support/until.ts';

const GROUP = '/apis/leat.dev/v1alpha1';

let lab: Lab;
let api: ApiServer;
let controller: Controller;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('controller-services');
  ({ api, controller } = await makeControllerScene(lab));
  for (const name of ['shop', 'crm']) await api.namespace(name);
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(controller?.stdout());
});
test.after.always(() => lab.dispose());

function destination(namespace: string, name: string, service: object = {}) {
  return {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name, namespace },
    spec: {
      hosts: [`${name}.corp.test`],
      ports: [
        { port: 80, protocol: 'http' },
        { port: 5432, protocol: 'tcp' },
      ],
      route: { type: 'internet' },
      authentication: { type: 'None' },
      workloads: { all: true },
      service,
    },
  };
}

async function serviceOf(namespace: string, name: string) {
  const { status, body } = await api.ask('GET', `/api/v1/namespaces/${namespace}/services/${name}`);
  return status === 200 ? body : null;
}

const exists = (namespace: string, name: string) =>
  until(`Service ${namespace}/${name}`, async () => (await serviceOf(namespace, name)) !== null, 20_000);
const pathOf = (namespace: string, name: string): string => `${GROUP}/namespaces/${namespace}/destinations/${name}`;

async function ready(namespace: string, name: string) {
  const { status } = await api.must('GET', pathOf(namespace, name));
  return status?.conditions?.find(({ type }: { type: string }) => type === 'Ready');
}

test.serial('a Destination gets a Service of its name and ports, without selector, that goes with it', async (t) => {
  const { body } = await api.create('destinations', destination('shop', 'erp'));
  await exists('shop', 'erp');
  const service = await serviceOf('shop', 'erp');
  t.like(service.metadata.ownerReferences[0], { kind: 'Destination', name: 'erp', uid: body.metadata.uid });
  t.is(service.spec.selector, undefined);
  t.deepEqual(
    service.spec.ports.map(({ name, port, protocol }: Record<string, unknown>) => ({ name, port, protocol })),
    [
      { name: 'http-80', port: 80, protocol: 'TCP' },
      { name: 'tcp-5432', port: 5432, protocol: 'TCP' },
    ],
  );
  t.regex(service.spec.clusterIP, /^10\.96\./);
});

test.serial('two namespaces have Services of one name', async (t) => {
  await api.create('destinations', destination('crm', 'erp'));
  await exists('crm', 'erp');
  t.not((await serviceOf('crm', 'erp')).spec.clusterIP, (await serviceOf('shop', 'erp')).spec.clusterIP);
});

test.serial("a Service of that name that is somebody else's is left as it is, and told as NameTaken", async (t) => {
  const spec = { selector: { app: 'db' }, ports: [{ port: 5432 }] };
  const made = await api.must('POST', '/api/v1/namespaces/shop/services', { metadata: { name: 'db' }, spec });
  await api.create('destinations', destination('shop', 'db'));
  await until('NameTaken', async () => (await ready('shop', 'db'))?.reason === 'NameTaken', 20_000);
  t.is((await serviceOf('shop', 'db')).metadata.resourceVersion, made.metadata.resourceVersion);
  await api.patch(pathOf('shop', 'db'), { spec: { service: { name: 'db-leat' } } });
  await exists('shop', 'db-leat');
  await until('no longer NameTaken', async () => (await ready('shop', 'db'))?.reason !== 'NameTaken');
  await api.must('DELETE', pathOf('shop', 'db'));
  await until('its own is gone', async () => (await serviceOf('shop', 'db-leat')) === null);
  t.is((await serviceOf('shop', 'db')).metadata.resourceVersion, made.metadata.resourceVersion);
});

test.serial('of two Destinations that want one name the older has it', async (t) => {
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await api.create('destinations', destination('shop', 'younger', { name: 'erp' }));
  await until('NameTaken', async () => (await ready('shop', 'younger'))?.reason === 'NameTaken', 20_000);
  t.is((await serviceOf('shop', 'erp')).metadata.ownerReferences[0].name, 'erp');
});

test.serial('a changed port, and a selector that somebody added, are put right', async (t) => {
  await api.patch(pathOf('shop', 'erp'), { spec: { service: { ports: [80] } } });
  await until('one port', async () => (await serviceOf('shop', 'erp')).spec.ports.length === 1);
  await api.patch('/api/v1/namespaces/shop/services/erp', { spec: { selector: { app: 'intruder' } } });
  await until('no selector', async () => (await serviceOf('shop', 'erp')).spec.selector === undefined);
  t.pass();
});

test.serial('who no longer asks for a Service has none', async (t) => {
  await api.patch(pathOf('crm', 'erp'), { spec: { service: null } });
  await until('it is gone', async () => (await serviceOf('crm', 'erp')) === null);
  t.pass();
});

function ofEntries(name: string, spec: object) {
  return {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name, namespace: 'shop' },
    spec: { workloads: { all: true }, service: {}, ...spec },
  };
}

test.serial('a gateway has a Service on port 80, and an entry one for each of its tenants', async (t) => {
  const allow = { names: ['*'], levels: ['subaccount', 'instance'] };
  await api.create('destinations', ofEntries('gateway', { gateway: { allow } }));
  await exists('shop', 'gateway');
  t.like((await serviceOf('shop', 'gateway')).spec.ports[0], { port: 80, protocol: 'TCP' });

  const from = { name: 'mail', tenants: ['acme', 'globex'] };
  await api.create('destinations', ofEntries('mail', { from, service: { ports: [587] } }));
  await exists('shop', 'mail-acme');
  await exists('shop', 'mail-globex');
  t.is(await serviceOf('shop', 'mail'), null, 'whose it would be, nobody says');
  t.like((await serviceOf('shop', 'mail-acme')).spec.ports[0], { port: 587, protocol: 'TCP' });
  await api.patch(pathOf('shop', 'mail'), { spec: { from: { name: 'mail', tenants: ['acme'] } } });
  await until('the other is gone', async () => (await serviceOf('shop', 'mail-globex')) === null);

  const source = {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'DestinationSource',
    metadata: { name: 'btp' },
    spec: {
      default: true,
      binding: { secret: 'binding' },
      tenantMode: 'dedicated',
      allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['*'], levels: ['subaccount', 'instance'] }],
    },
  };
  await api.must('POST', `${GROUP}/destinationsources`, source);
  await until('told as a tenant that is not there', async () => {
    const found = await ready('shop', 'mail');
    return found?.reason === 'TenantUnknown' && /subdomain acme/.test(found.message);
  });
  t.pass();
});

test.serial("what watches SAP's proxy is answered in its words", async (t) => {
  const get = async (path: string) => (await fetch(`${controller.adminUrl}${path}`)).json();
  t.like(await get('/status'), {
    Status: 'ok',
    Components: { 'sap-transp-proxy-http': { Status: 'ok', Message: '' } },
  });
  const { Status, CustomResources } = (await get('/destinationCRs')) as {
    Status: string;
    CustomResources: { Name: string }[];
  };
  t.is(Status, 'critical');
  t.like(
    CustomResources.find(({ Name }) => Name === 'gateway'),
    { DestinationRef: { name: '*' }, Available: 'False', Reason: 'ConfigurationFailed' },
  );
});
