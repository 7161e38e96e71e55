// SPDX-License-Identifier: Apache-2.0
/** What each part and each flag of the chart renders, by helm itself. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { createMetrics } from '../../daemon/telemetry/metrics.ts';
import { helm, REQUIRED_VALUES, type Rendered, render } from '../support/chart.ts';
import { createLab, type Lab } from '../support/lab.ts';

let lab: Lab;
let defaults: Rendered[];
test.before(async (t) => {
  t.timeout(900_000);
  lab = await createLab('chart-parts');
  defaults = await renderWith({});
});
test.after.always(() => lab.dispose());

const renderWith = (values: object, ...options: string[]): Promise<Rendered[]> =>
  render(lab.loopback, { ...REQUIRED_VALUES, ...values }, ...options);
const kinds = (objects: readonly Rendered[]): Set<string> => new Set(objects.map(({ kind }) => kind));
const one = (objects: readonly Rendered[], kind: string, name: string): Rendered => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${objects.length} objects`);
  return found;
};

test('daemons resolve names of the cluster, survive pressure on the node, and run on every node', (t) => {
  const { spec } = one(defaults, 'DaemonSet', 'leat');
  t.like(spec.template.spec, {
    hostNetwork: true,
    dnsPolicy: 'ClusterFirstWithHostNet',
    priorityClassName: 'system-node-critical',
    tolerations: [{ operator: 'Exists' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
  });
  t.deepEqual(spec.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } });
});

test('kubelet starts, watches and withdraws a daemon by its admin port', async (t) => {
  const [container] = one(await renderWith({ daemon: { adminPort: 15999 } }), 'DaemonSet', 'leat').spec.template.spec
    .containers;
  t.like(container.startupProbe.httpGet, { path: '/healthz', port: 'admin' });
  t.like(container.livenessProbe.httpGet, { path: '/healthz', port: 'admin' });
  t.like(container.readinessProbe.httpGet, { path: '/readyz', port: 'admin' });
  t.like(container.ports[0], { name: 'admin', containerPort: 15999 });
});

test('the controller is nobody’s root, spreads over nodes, and keeps one replica through a drain', async (t) => {
  const { spec } = one(defaults, 'Deployment', 'leat-controller');
  t.is(spec.replicas, 2);
  t.like(spec.template.spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  t.deepEqual(spec.template.spec.containers[0].securityContext, {
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
  });
  t.truthy(spec.template.spec.affinity.podAntiAffinity);
  const budget = one(defaults, 'PodDisruptionBudget', 'leat-controller');
  t.is(budget.spec.maxUnavailable, 1);
  t.deepEqual(budget.spec.selector.matchLabels, spec.selector.matchLabels);
  t.false(
    kinds(await renderWith({ controller: { replicas: 1 } })).has('PodDisruptionBudget'),
    'it would block a drain',
  );
});

test('the budget is of the version that the cluster has', async (t) => {
  const versionOn = async (kubernetes: string): Promise<string> => {
    const objects = await renderWith({}, `--kube-version=${kubernetes}`);
    return one(objects, 'PodDisruptionBudget', 'leat-controller').apiVersion;
  };
  t.is(await versionOn('1.20.2'), 'policy/v1beta1');
  t.is(await versionOn('1.25.0'), 'policy/v1');
});

test('the controller’s NetworkPolicy lets in its admin port, and out to the API server alone', async (t) => {
  const { spec } = one(defaults, 'NetworkPolicy', 'leat-controller');
  t.deepEqual(spec.podSelector, one(defaults, 'Deployment', 'leat-controller').spec.selector);
  t.deepEqual(spec.policyTypes, ['Ingress', 'Egress']);
  t.deepEqual(spec.ingress, [{ ports: [{ port: 15021, protocol: 'TCP' }] }]);
  const ports = [443, 6443].map((port) => ({ port, protocol: 'TCP' }));
  t.deepEqual(spec.egress, [{ ports }]);
  const off = await renderWith({ controller: { networkPolicy: { enabled: false, apiServerPorts: [443] } } });
  t.false(kinds(off).has('NetworkPolicy'));
});

test('monitoring is off unless it is asked for', async (t) => {
  t.false(kinds(defaults).has('ServiceMonitor'));
  t.false(defaults.some(({ metadata }) => metadata.name === 'leat-dashboard'));
  const serviceMonitor = { enabled: true, labels: { release: 'prometheus' }, interval: '15s' };
  const objects = await renderWith({ monitoring: { serviceMonitor } });
  const { metadata, spec } = one(objects, 'ServiceMonitor', 'leat');
  t.is(metadata.labels.release, 'prometheus');
  t.like(spec.endpoints[0], { port: 'admin', path: '/metrics', interval: '15s' });
  const service = one(objects, 'Service', 'leat-metrics');
  for (const [key, value] of Object.entries(spec.selector.matchLabels)) t.is(service.metadata.labels[key], value);
  const daemons = one(objects, 'DaemonSet', 'leat').spec.selector.matchLabels;
  t.deepEqual(service.spec.selector, daemons);
});

test('the dashboard asks for metrics that there are', async (t) => {
  const objects = await renderWith({
    monitoring: { dashboard: { enabled: true, labels: { grafana_dashboard: '1' } } },
  });
  const { metadata, data } = one(objects, 'ConfigMap', 'leat-dashboard');
  t.is(metadata.labels.grafana_dashboard, '1');
  const { panels } = JSON.parse(data['leat.json']);
  const text = JSON.stringify(panels);
  const metrics = createMetrics().registry.getMetricsAsArray();
  const known = new Set(metrics.flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
  const asked = new Set(text.match(/leat_[a-z0-9_]+/g));
  t.true(asked.size >= 5);
  t.deepEqual(
    [...asked].filter((name) => !known.has(name)),
    [],
  );
});

test('a Namespace of the chart admits what daemons need, where Pod Security Standards are enforced', async (t) => {
  t.false(kinds(defaults).has('Namespace'));
  const { metadata } = one(await renderWith({ namespace: { create: true } }), 'Namespace', 'leat-system');
  for (const mode of ['enforce', 'audit', 'warn']) {
    t.is(metadata.labels[`pod-security.kubernetes.io/${mode}`], 'privileged');
  }
});

test('OpenShift allows the daemons’ account the capabilities that they add, and no more', async (t) => {
  t.false(kinds(defaults).has('SecurityContextConstraints'));
  for (const selfTest of [true, false]) {
    const objects = await renderWith({ openshift: { scc: { enabled: true } }, capture: { selfTest } });
    const constraints = one(objects, 'SecurityContextConstraints', 'leat-system-leat');
    const { initContainers, containers } = one(objects, 'DaemonSet', 'leat').spec.template.spec;
    const added = [...initContainers, ...containers].flatMap(({ securityContext }) => securityContext.capabilities.add);
    t.deepEqual(constraints.allowedCapabilities.toSorted(), [...new Set(added)].sort());
    t.deepEqual(constraints.users, ['system:serviceaccount:leat-system:leat']);
    t.like(constraints, { allowHostNetwork: true, allowPrivilegedContainer: false, readOnlyRootFilesystem: true });
  }
});

test('additional CAs reach the daemon as a file, and a change of them replaces the daemons', async (t) => {
  const pem = (word: string): string => `-----BEGIN CERTIFICATE-----\n${btoa(word)}\n-----END CERTIFICATE-----\n`;
  const templateOf = (objects: Rendered[]) => one(objects, 'DaemonSet', 'leat').spec.template;
  const objects = await renderWith({ additionalCAs: [pem('first'), pem('second')] });
  const { metadata, spec } = templateOf(objects);
  const path = spec.containers[0].env.find(({ name }: Rendered) => name === 'NODE_EXTRA_CA_CERTS').value;
  const mount = spec.containers[0].volumeMounts.find(({ name }: Rendered) => name === 'additional-cas');
  t.is(path, `${mount.mountPath}/additional.crt`);
  const { data } = one(objects, 'ConfigMap', 'leat-additional-cas');
  t.is(data['additional.crt'].match(/BEGIN CERTIFICATE/g).length, 2);
  const other = templateOf(await renderWith({ additionalCAs: [pem('third')] })).metadata;
  t.not(other.annotations['leat.dev/additional-cas'], metadata.annotations['leat.dev/additional-cas']);
  t.false(JSON.stringify(templateOf(defaults)).includes('NODE_EXTRA_CA_CERTS'));
});

test('what the runtime knows of pods’ addresses is read, and only read, unless it is turned off', async (t) => {
  const [container] = one(defaults, 'DaemonSet', 'leat').spec.template.spec.containers;
  const mount = container.volumeMounts.find(({ name }: Rendered) => name === 'cni-results');
  t.true(mount.readOnly);
  t.true(container.args.includes(`--cni-results-dir=${mount.mountPath}`));
  const off = one(await renderWith({ paths: { cniResults: '' } }), 'DaemonSet', 'leat').spec.template.spec;
  t.notRegex(JSON.stringify(off), /cni-results/);
});

test('ranges of nodes are told to the daemon where they are given', async (t) => {
  const argsOf = (objects: Rendered[]) => one(objects, 'DaemonSet', 'leat').spec.template.spec.containers[0].args;
  t.notRegex(argsOf(defaults).join(), /node-ranges/);
  const nodeRanges = ['192.0.2.0/24', '2001:db8::/64'];
  const cluster = { ...REQUIRED_VALUES.cluster, nodeRanges };
  t.true(argsOf(await renderWith({ cluster })).includes(`--node-ranges=${nodeRanges.join(',')}`));
});

test('the daemons are bound to all Secrets of a namespace only where people do so, and all are told', async (t) => {
  const of = async (secretsBinding: string) => {
    const objects = await render(lab.loopback, { ...REQUIRED_VALUES, controller: { secretsBinding } });
    const readers = objects.filter(
      ({ kind, roleRef }) => /Binding$/.test(kind) && roleRef.name === 'leat-secret-reader',
    );
    const args = (kind: string) => objects.find((object) => object.kind === kind).spec.template.spec.containers[0].args;
    for (const kind of ['DaemonSet', 'Deployment']) t.true(args(kind).includes(`--secrets-binding=${secretsBinding}`));
    return readers.flatMap(({ subjects }) => subjects.map(({ name, namespace }: Rendered) => `${namespace}/${name}`));
  };
  t.deepEqual(await of('names'), []);
  t.deepEqual(await of('auto'), ['leat-system/leat-controller'], 'that of the own namespace');
  t.deepEqual(await of('manual'), ['leat-system/leat']);
});

test('the pre-delete Job is a hook with an account of its own, and can be left out', async (t) => {
  const hooks = defaults.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined);
  t.deepEqual([...kinds(hooks)].sort(), [
    'ClusterRole',
    'ClusterRoleBinding',
    'ConfigMap',
    'Job',
    'Role',
    'RoleBinding',
    'ServiceAccount',
  ]);
  for (const { metadata } of hooks) t.is(metadata.annotations['helm.sh/hook'], 'pre-delete');
  const { activeDeadlineSeconds, template } = one(hooks, 'Job', 'leat-uninstall').spec;
  t.true(activeDeadlineSeconds > 600, 'the Job itself says what is missing when time runs out');
  t.is(template.spec.serviceAccountName, 'leat-uninstall');
  t.false(kinds(await renderWith({ uninstall: { cleanup: false } })).has('Job'));
});

test('cluster-wide objects of two releases have names of their own, but for what they share', async (t) => {
  const argv = ['template', 'edge', new URL('../../charts/leat', import.meta.url).pathname, '--namespace=edge'];
  const { stdout, code } = await helm(lab.loopback, argv, REQUIRED_VALUES);
  t.is(code, 0);
  t.regex(stdout, /name: edge-leat-edge\n/);
  t.notRegex(stdout, /name: leat-system-leat/);
});

test('values of the chart are those of the programs where nobody sets any', (t) => {
  const values = readFileSync(new URL('../../charts/leat/values.yaml', import.meta.url), 'utf8');
  const contract = readFileSync(new URL('../../api/redirect-contract.ts', import.meta.url), 'utf8');
  for (const [value, constant] of [
    ['port', 'CAPTURE_PORT'],
    ['dnsPort', 'DNS_PORT'],
    ['adminPort', 'ADMIN_PORT'],
    ['dnsZone', 'DNS_CONNTRACK_ZONE'],
  ]) {
    const expected = new RegExp(`export const ${constant} = (\\d+);`).exec(contract)?.[1];
    t.regex(values, new RegExp(`^  ${value}: ${expected}$`, 'm'));
  }
});
