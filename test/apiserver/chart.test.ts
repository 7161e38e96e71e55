// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { CUSTOM_KINDS, type CustomKind } from '../../api/custom-kinds.ts';
import { CEL_RULES } from '../../api/rules/cel-rules.ts';
import { toCrd } from '../../api/schema/to-crd.ts';
import { loadConfig } from '../../daemon/config/config.ts';
import { parseOptions } from '../../init/options.ts';
import { ApiServer } from '../support/apiserver.ts';
import { createAuthority } from '../support/certificates.ts';
import { CHART, helm, REQUIRED_VALUES, type Rendered, render } from '../support/chart.ts';
import { CLUSTER_RULES, GRANT_RULE, REPORT_RULES } from '../support/daemon-rights.ts';
import { createLab, type Lab } from '../support/lab.ts';

let lab: Lab;
let certificate: string;
test.before(async (t) => {
  t.timeout(900_000);
  lab = await createLab('chart');
  certificate = (await createAuthority(lab.loopback)).certificate;
  await helm(lab.loopback, ['lint', CHART], REQUIRED_VALUES);
});
test.after.always(() => lab.dispose());

/** Name → values beside those that are required. */
const TOPOLOGIES = (): Readonly<Record<string, object>> => ({
  defaults: {},
  'a node without IPv6 or self-test': { capture: { ipv6: false, selfTest: false } },
  'kube-proxy in nftables mode': { capture: { nat: 'nft-table', mark: '0x4000' } },
  'own accounts': { rbac: { create: false }, serviceAccount: { name: 'egress' }, uninstall: { cleanup: false } },
  'everything on': {
    image: { ...REQUIRED_VALUES.image, digest: `sha256:${'a'.repeat(64)}`, pullSecrets: ['registry'] },
    daemon: {
      dnsServers: ['192.0.2.53'],
      maxUnavailable: '10%',
      podLabels: { team: 'platform' },
      drainMs: 1_500,
      workers: 'auto',
      identityVolume: { csi: { driver: 'spiffe.example' } },
    },
    additionalCAs: [certificate, certificate],
    namespace: { create: true },
    monitoring: { serviceMonitor: { enabled: true }, dashboard: { enabled: true } },
    openshift: { scc: { enabled: true } },
  },
});

function objectOf(objects: readonly Rendered[], kind: string, name: string): Rendered {
  return objects.find((object) => object.kind === kind && object.metadata.name === name);
}

async function renderTopology(name: string): Promise<Rendered[]> {
  return render(lab.loopback, { ...REQUIRED_VALUES, ...TOPOLOGIES()[name] });
}

test('helm finds nothing to complain of', async (t) => {
  for (const [name, values] of Object.entries(TOPOLOGIES())) {
    const { stdout, code } = await helm(lab.loopback, ['lint', '--strict', CHART], { ...REQUIRED_VALUES, ...values });
    t.is(code, 0, `${name}: ${stdout}`);
  }
});

test('refuses what it does not know, and says what is missing', async (t) => {
  const refused: [object, RegExp][] = [
    [{ ...REQUIRED_VALUES, captures: {} }, /captures/],
    [{ ...REQUIRED_VALUES, daemon: { drainSeconds: 20 } }, /drainSeconds/],
    [{ ...REQUIRED_VALUES, daemon: { workers: 0 } }, /workers/],
    [{ ...REQUIRED_VALUES, monitoring: { serviceMonitor: { enable: true } } }, /enable/],
    [{ ...REQUIRED_VALUES, capture: { target: 'REDIRECT' } }, /target/],
    [{ ...REQUIRED_VALUES, additionalCAs: ['/etc/ssl/ca.pem'] }, /additionalCAs/],
    [{ ...REQUIRED_VALUES, image: { repository: 'https://registry.example.com/leat' } }, /repository/],
    [{ ...REQUIRED_VALUES, cluster: { podRanges: ['10.244.0.0'], serviceRanges: ['10.96.0.0/12'] } }, /podRanges/],
    [{ cluster: REQUIRED_VALUES.cluster }, /image\.repository is missing/],
    [{ image: REQUIRED_VALUES.image }, /cluster\.podRanges is missing: .*podSubnet/],
    [{ image: REQUIRED_VALUES.image, cluster: { podRanges: ['10.0.0.0/8'] } }, /cluster\.serviceRanges is missing/],
  ];
  for (const [values, reason] of refused) {
    await t.throwsAsync(render(lab.loopback, values), { message: reason }, JSON.stringify(values));
  }
});

test('init and daemon take the options that the chart gives them, and agree', async (t) => {
  for (const name of Object.keys(TOPOLOGIES())) {
    const objects = await renderTopology(name);
    const { initContainers, containers, terminationGracePeriodSeconds } = objectOf(objects, 'DaemonSet', 'leat').spec
      .template.spec;
    const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const init = parseOptions(initContainers[0].args, {});
    const daemon = loadConfig(containers[0].args, environment);
    t.truthy(init, name);
    t.is(daemon.source.type, 'kubernetes');
    t.is(init?.capturePort, daemon.capturePort);
    t.is(init?.dnsPort, daemon.dnsPort);
    t.is(init?.syntheticRange4.text, daemon.syntheticRanges.v4);
    t.is(init?.ipv6 === 'on', daemon.leatAddresses.v6 !== null);
    t.deepEqual(
      init?.podRanges.map(({ text }) => text),
      [...daemon.podRanges],
    );
    t.is(init?.stateDir, daemon.initStateDirectory);
    t.true(daemon.workers >= 1);
    t.true(terminationGracePeriodSeconds * 1_000 > daemon.drainMs + 5_000, 'the kubelet waits longer than the drain');
  }
});

test('the pod may do no more than it must', async (t) => {
  const adds = async (name: string): Promise<string[][]> => {
    const { spec } = objectOf(await renderTopology(name), 'DaemonSet', 'leat').spec.template;
    t.true(spec.hostNetwork);
    t.like(spec.securityContext, { seccompProfile: { type: 'RuntimeDefault' } });
    return [...spec.initContainers, ...spec.containers].map(({ securityContext }: Rendered) => {
      t.like(securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
      t.deepEqual(securityContext.capabilities.drop, ['ALL']);
      return securityContext.capabilities.add;
    });
  };
  t.deepEqual(await adds('defaults'), [
    ['NET_ADMIN', 'NET_RAW'],
    ['NET_ADMIN', 'NET_RAW', 'SYS_ADMIN'],
  ]);
  t.deepEqual(await adds('a node without IPv6 or self-test'), [
    ['NET_ADMIN', 'NET_RAW'],
    ['NET_ADMIN', 'NET_RAW'],
  ]);
});

test('the daemons’ account has the rights that the tests take away one by one, and no others', async (t) => {
  const role = objectOf(await renderTopology('defaults'), 'ClusterRole', 'leat-system-leat');
  t.deepEqual(rightsOf(role.rules), rightsOf([...CLUSTER_RULES, GRANT_RULE, ...REPORT_RULES]));
});

/** Each right of some rules as `group/resource verb names`. */
function rightsOf(rules: readonly Rendered[]): string[] {
  const rights = rules.flatMap(({ apiGroups, resources, resourceNames = [''], verbs }) =>
    apiGroups.flatMap((group: string) =>
      resources.flatMap((resource: string) =>
        verbs.map((verb: string) => `${group}/${resource} ${verb} ${resourceNames}`),
      ),
    ),
  );
  return [...new Set<string>(rights)].sort();
}

test('custom resource definitions are there, and stay', async (t) => {
  const definitions = (await renderTopology('defaults')).filter(({ kind }) => kind === 'CustomResourceDefinition');
  t.deepEqual(definitions.map(({ spec }) => spec.names.kind).sort(), Object.keys(CUSTOM_KINDS).sort());
  for (const { metadata } of definitions) t.is(metadata.annotations['helm.sh/resource-policy'], 'keep');
});

test('the definitions have rules for API servers that check rules, and for those alone', async (t) => {
  for (const [version, withRules] of [
    ['1.24.17', false],
    ['1.25.0-gke.1', true],
  ] as const) {
    const objects = await render(lab.loopback, REQUIRED_VALUES, `--kube-version=${version}`);
    for (const kind of Object.values<CustomKind>(CUSTOM_KINDS)) {
      const definition = objects.find(({ spec }) => spec?.names?.kind === kind.kind);
      const expected = toCrd(kind, withRules ? CEL_RULES[kind.kind] : []);
      t.deepEqual(definition, JSON.parse(JSON.stringify(expected)), `${kind.kind} on ${version}`);
    }
  }
});

test('the pod that cleans up stands where the daemon stood, and mounts the same folders', async (t) => {
  for (const name of ['defaults', 'everything on']) {
    const objects = await renderTopology(name);
    const daemon = objectOf(objects, 'DaemonSet', 'leat').spec.template.spec;
    const going = JSON.parse(objectOf(objects, 'ConfigMap', 'leat-uninstall').data['pod-spec.json']);
    t.deepEqual(going.initContainers[0].args, [...daemon.initContainers[0].args, '--cleanup']);
    t.like(parseOptions(going.initContainers[0].args, {}), { cleanup: true, stateDir: '/run/leat' });
    // what a driver has to mount could keep it from starting, and there is nothing to clean up
    t.deepEqual(
      going.volumes,
      daemon.volumes.filter(({ name: volume }: Rendered) => !['identity', 'cni-results'].includes(volume)),
    );
    t.deepEqual(going.tolerations, daemon.tolerations);
  }
});

test('an API server takes every object of every topology', async (t) => {
  t.timeout(180_000);
  const api = await ApiServer.start(lab.loopback, { crds: false });
  t.teardown(() => api.close());
  await api.kubectl(['create', 'namespace', 'leat-system']);
  const foreign = new Set(['ServiceMonitor', 'SecurityContextConstraints']);
  for (const name of Object.keys(TOPOLOGIES())) {
    const objects = await render(lab.loopback, { ...REQUIRED_VALUES, ...TOPOLOGIES()[name] }, '--kube-version=1.20.2');
    const items = objects.filter(({ kind }) => !foreign.has(kind));
    const list = { apiVersion: 'v1', kind: 'List', items };
    const answer = await api.kubectl(['apply', '--dry-run=server', '-f', '-'], JSON.stringify(list));
    t.is(answer.trim().split('\n').length, items.length, name);
  }
});
