// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import { findKubeAssets } from '../support/find-kube-assets.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { reportAs } from '../support/node-reports.ts';
import { destination, destinationSource, nodePolicy } from '../support/resources.ts';

const BUILD = fileURLToPath(new URL('../../scripts/setup/build-kubectl-leat', import.meta.url));
const PASSWORD = 'hunter2-never-shown';

let lab: Lab;
let api: ApiServer;
let program: string;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('kubectl-leat');
  program = `${await lab.loopback.tempDir()}/kubectl-leat`;
  await lab.loopback.run([BUILD, program], { timeoutMs: 60_000 });
  api = await ApiServer.start(lab.loopback);
  await api.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1' } });
  await api.namespace('shop', { 'leat.dev/intercept': 'enabled' });
  await api.namespace('plain');
  await api.pod('shop', 'web', { ips: ['10.244.0.1'] });
  await api.pod('plain', 'web', { ips: ['10.244.0.2'] });
  await api.secret('shop', 'erp', { username: 'web', password: PASSWORD });
  const made = await api.create('destinations', {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: 'shop' },
    spec: {
      hosts: ['erp.corp.test'],
      ports: [{ port: 80, protocol: 'http', upstream: { tls: {} } }],
      route: { type: 'internet' },
      authentication: { type: 'Basic', basic: { secret: 'erp' } },
      headers: [{ name: 'X-Tenant', value: 'shop', mode: 'set' }],
      workloads: { all: true },
    },
  } as never);
  if (made.status !== 201) throw new Error(made.body.message);
});
test.after.always(async () => {
  await api?.close();
  await lab.dispose();
});

/** As a plugin is run: by kubectl's own folder on the PATH, with the user's kubeconfig. */
async function leat(...argv: string[]) {
  const env = { PATH: `${findKubeAssets()}:${process.env.PATH}`, KUBECONFIG: api.kubeconfig };
  return lab.loopback.run(
    ['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), process.execPath, program, ...argv],
    {
      allowFailure: true,
      timeoutMs: 60_000,
    },
  );
}

test.serial('explain names the Destination, the rule and what would be sent, without the credential', async (t) => {
  const { stdout, code } = await leat('explain', 'web', 'erp.corp.test', '-n', 'shop');
  t.is(code, 0);
  t.regex(stdout, /^enrolled: yes$/m);
  t.regex(stdout, /^rule: Destination shop\/erp$/m);
  t.regex(stdout, /^to: erp\.corp\.test:443, TLS by Leat$/m);
  t.regex(stdout, /^authentication: Authorization: Basic \[redacted\] from Secret erp$/m);
  t.regex(stdout, /^header \(set\): X-Tenant: shop$/m);
  t.false(stdout.includes(PASSWORD));
});

test.serial('explain says why a connection would be refused, and that a pod is not enrolled', async (t) => {
  const unknown = await leat('explain', 'web', 'other.test:443', '-n', 'shop');
  t.regex(unknown.stdout, /^refused: HOST_NOT_MANAGED/m);
  const plain = await leat('explain', 'web', 'erp.corp.test', '-n', 'plain');
  t.regex(
    plain.stdout,
    /^enrolled: no: neither its namespace nor the pod has the label leat\.dev\/intercept=enabled$/m,
  );
});

test.serial('explain says of a pod that opted out which label does it', async (t) => {
  t.is((await api.create('nodepolicies', nodePolicy('lenient', { optOut: 'Allowed' }))).status, 201);
  await api.pod('shop', 'out', { ips: ['10.244.0.3'], labels: { 'leat.dev/intercept': 'disabled' } });
  const { stdout } = await leat('explain', 'out', 'erp.corp.test', '-n', 'shop');
  t.regex(stdout, /^enrolled: no: the pod has the label leat\.dev\/intercept=disabled$/m);
  await api.deletePod('shop', 'out');
  await api.must('DELETE', '/apis/leat.dev/v1alpha1/nodepolicies/lenient');
});

test.serial('explain says which resource is not used because it is not valid, and by which field', async (t) => {
  const broken = destination('shop/broken', { hosts: ['broken.test'], route: { type: 'onPremise' } });
  t.is((await api.create('destinations', broken)).status, 201);
  const { stdout } = await leat('explain', 'web', 'broken.test', '-n', 'shop');
  t.regex(stdout, /^refused: HOST_NOT_MANAGED/m);
  t.regex(stdout, /^not seen: Destination shop\/broken, which is not valid: spec\.route\.tunnel is required/m);
  await api.must('DELETE', '/apis/leat.dev/v1alpha1/namespaces/shop/destinations/broken');
});

/** SAP's definition, as far as an API server needs it to keep such resources. */
const SAP_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'destinations.destination.connectivity.api.sap' },
  spec: {
    group: 'destination.connectivity.api.sap',
    names: { kind: 'Destination', plural: 'destinations', listKind: 'DestinationList', shortNames: ['dst'] },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

test.serial(
  'migrate reads SAP’s Destinations of the cluster or of files, and an API server takes what it prints',
  async (t) => {
    const folder = await lab.loopback.tempDir();
    const none = await leat('migrate');
    t.is(none.code, 2);
    t.regex(none.stderr, /resource type/);
    await writeFile(`${folder}/definition.json`, JSON.stringify(SAP_DEFINITION));
    await api.kubectl(['apply', '-f', `${folder}/definition.json`]);
    await api.kubectl(['wait', '--for=condition=Established', 'crd/destinations.destination.connectivity.api.sap']);
    const sap = (name: string, spec: object) => ({
      apiVersion: 'destination.connectivity.api.sap/v1',
      kind: 'Destination',
      metadata: { name, namespace: 'plain' },
      spec,
    });
    const items = [
      sap('erp', { destinationRef: { name: 'erp', level: 'subaccount' }, accessControl: { scope: 'namespaced' } }),
      sap('crm', { destinationRef: { name: 'crm' }, service: { port: 8080 } }),
    ];
    await writeFile(`${folder}/sap.json`, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await api.kubectl(['apply', '-f', `${folder}/sap.json`]);
    const ofCluster = await leat('migrate');
    t.is(ofCluster.code, 0, ofCluster.stderr);
    t.regex(ofCluster.stderr, /^2 Destinations of SAP's transparent proxy, 0 with something to decide/);
    const ofFiles = await leat('migrate', '-f', `${folder}/sap.json`);
    t.is(ofFiles.stdout, ofCluster.stdout);
    await writeFile(`${folder}/leat.yaml`, ofCluster.stdout);
    const applied = await api.kubectl(['apply', '--dry-run=server', '-f', `${folder}/leat.yaml`]);
    t.is(applied.match(/destination\.leat\.dev\/\w+ created/g)?.length, 2);
    t.is((await leat('migrate', '-n', 'shop')).code, 1, 'there is none in that namespace');
    await writeFile(`${folder}/broken.yaml`, 'a: [');
    const broken = await leat('migrate', '-f', `${folder}/broken.yaml`);
    t.is(broken.code, 2);
    t.regex(broken.stderr, /broken\.yaml: /);
  },
);

test.serial('status shows nodes and what is not ready, and fails where there is such a thing', async (t) => {
  await reportAs(api, 'node-1');
  const { stdout, code } = await leat('status');
  t.is(code, 1);
  t.regex(stdout, /^node-1 +Passed/m);
  t.regex(stdout, /^Destination shop\/erp +Unknown +NoStatus/m);
  const source = destinationSource('btp', { import: [{ level: 'subaccount', names: ['*'] }] });
  t.is((await api.create('destinationsources', source)).status, 201);
  const unused = [{ reason: 'HostNotAllowed', count: 2, sample: ['erp', 'hr'] }];
  const status = { imports: [{ level: 'subaccount', selected: 1000, used: 998, cut: true, unused }] };
  const path = '/apis/leat.dev/v1alpha1/destinationsources/btp';
  await api.must('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
  const imported = (await leat('status')).stdout;
  t.regex(imported, /^DestinationSource btp +Unknown/m);
  t.regex(imported, /^btp +subaccount +998\/1000\+ +no +HostNotAllowed 2 \(erp, hr\)$/m);
  await api.must('DELETE', path);
});

test.serial('status tells what has nobody to serve, and why, and takes it for no failure', async (t) => {
  const path = '/apis/leat.dev/v1alpha1/namespaces/shop/destinations/erp/status';
  const ready = {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NoNode',
    message: 'is its namespace labelled?',
    lastTransitionTime: '2026-01-31T12:00:00Z',
  };
  await api.must('PATCH', path, { status: { conditions: [ready] } }, 'application/merge-patch+json');
  const { stdout } = await leat('status');
  t.regex(stdout, /^Nobody to serve: Destination shop\/erp: is its namespace labelled\?$/m);
  t.notRegex(stdout, /^Destination shop\/erp /m);
});

test.serial('cleanup shows what it would delete, and deletes it when told to', async (t) => {
  const shown = await leat('cleanup');
  t.regex(shown.stdout, /^would delete NodeState node-1$/m);
  t.regex((await leat('cleanup', '--yes')).stdout, /^deleted NodeState node-1$/m);
  t.is((await leat('cleanup')).stdout.trim(), 'there is nothing left of Leat');
});

test.serial('a command that is none says how it is used', async (t) => {
  const { stderr, code } = await leat('nonsense');
  t.is(code, 2);
  t.regex(stderr, /^usage: kubectl leat/);
});
