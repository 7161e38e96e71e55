// SPDX-License-Identifier: Apache-2.0
/** Every right of the controller's account is needed: each is taken away once, and something is missing. */
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import {
  controllerRights,
  grantControllerRights,
  type Rendered,
  type Rule,
  startController,
} from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { reportAs } from '../support/node-reports.ts';
import { until } from '../support/until.ts';

let lab: Lab;
let api: ApiServer;
let rights: Rendered[];
let token: string;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('controller-rights');
  api = await ApiServer.start(lab.loopback);
  rights = controllerRights();
  token = await grantControllerRights(api, rights);
});
test.after.always(async () => {
  await api?.close();
  await lab.dispose();
});

/** Asks the API server itself what the account may do. */
async function may(verb: string, group: string, resource: string, name = '', namespace = ''): Promise<boolean> {
  const [plural = '', subresource = ''] = resource.split('/');
  const { status } = await api.must('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: 'system:serviceaccount:leat-system:leat-controller',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:leat-system', 'system:authenticated'],
      resourceAttributes: { verb, group, resource: plural, subresource, name, namespace },
    },
  });
  return status.allowed;
}

test.serial(
  "of itself it may list Secrets of Leat's own namespace alone, and change no resource of others",
  async (t) => {
    await api.namespace('shop', { 'leat.dev/intercept': 'enabled' });
    for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) {
      for (const namespace of ['', 'shop', 'leat-system', 'kube-system']) {
        const isOwn = namespace === 'leat-system' && /list|watch/.test(verb);
        t.is(await may(verb, '', 'secrets', '', namespace), isOwn, `${verb} secrets in ${namespace}`);
      }
    }
    for (const verb of ['create', 'update', 'patch', 'delete']) {
      for (const resource of ['destinations', 'clusterdestinations', 'tunnels', 'nodepolicies', 'nodestates/status']) {
        t.false(await may(verb, 'leat.dev', resource, 'x', 'shop'), `${verb} ${resource}`);
      }
      t.false(await may(verb, '', 'pods', 'x', 'shop'));
      t.is(await may(verb, '', 'pods', 'x', 'leat-system'), verb === 'delete');
      t.false(await may(verb, 'rbac.authorization.k8s.io', 'clusterroles', 'x'));
    }
    t.false(await may('bind', 'rbac.authorization.k8s.io', 'clusterroles', 'cluster-admin'));
    t.false(await may('escalate', 'rbac.authorization.k8s.io', 'clusterroles', 'leat-secret-reader'));
    for (const resource of ['roles', 'rolebindings']) {
      for (const verb of ['list', 'patch', 'delete']) {
        t.true(await may(verb, 'rbac.authorization.k8s.io', resource, 'leat-labelled-secrets', 'shop'));
        t.false(await may(verb, 'rbac.authorization.k8s.io', resource, 'other', 'shop'));
      }
    }
    for (const verb of ['bind', 'escalate']) {
      t.false(await may(verb, 'rbac.authorization.k8s.io', 'roles', 'leat-labelled-secrets', 'shop'));
    }
  },
);

/** Each verb of each rule that matters on its own. */
function rulesOf(
  rendered: readonly Rendered[],
): { readonly name: string; readonly kind: string; readonly rule: Rule }[] {
  return rendered
    .filter(({ metadata }) => metadata.name.endsWith('-controller'))
    .flatMap(({ kind, metadata: { name }, rules = [] }) => rules.map((rule) => ({ name, kind, rule })));
}

/** What the program says without the rule; it is started anew each time. */
async function sayWithout(without: Rule): Promise<string> {
  const changed = rights.map((object) =>
    object.rules === undefined || !object.metadata.name.endsWith('-controller')
      ? object
      : { ...object, rules: object.rules.filter((rule) => rule !== without) },
  );
  await api.apply(...changed);
  const controller = await startController(lab.loopback, api, { token });
  try {
    await until(
      `it misses ${without.verbs.join()} of ${without.resources.join()}`,
      () => /forbidden|"status":403/.test(controller.stdout()),
      20_000,
    );
    return controller.stdout();
  } finally {
    await controller.stop('SIGTERM');
    await api.apply(...rights);
  }
}

test.serial('each rule is missed when it is taken away', async (t) => {
  t.timeout(300_000);
  await api.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1' } });
  for (const { kind, rule } of rulesOf(rights)) {
    await arrangeWork();
    const said = await sayWithout(rule);
    // to bind a role is asked for as a grant
    const about = rule.verbs.includes('bind')
      ? ['grant RBAC']
      : rule.resources.map((resource) => resource.split('/')[0]);
    t.true(
      about.some((word) => said.includes(`${word}`)),
      `${kind} ${rule.verbs.join()} ${rule.resources.join()}: ${said}`,
    );
  }
});

let round = 0;
/** Something of everything that the controller does: to make, to change, to delete, to say. */
async function arrangeWork(): Promise<void> {
  round += 1;
  const name = `round-${round}`;
  // a Lease that is there need not be made
  await api.ask('DELETE', '/apis/coordination.k8s.io/v1/namespaces/leat-system/leases/leat-controller');
  await api.namespace(name, { 'leat.dev/intercept': 'enabled' });
  const destination = {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: name },
    spec: {
      hosts: ['erp.corp.test'],
      ports: [{ port: 80, protocol: 'http' }],
      route: { type: 'onPremise' },
      authentication: { type: 'None' },
      workloads: { all: true },
    },
  };
  await api.create('destinations', destination);
  await api.secret(name, 'user', { password: 'no-word-of-a-test' });
  await arrangeEndedPod(name);
  // what is to be deleted, and what is to be repaired
  for (const [suffix, labels] of [
    ['gone', {}],
    ['bent', { 'leat.dev/intercept': 'enabled' }],
  ] as const) {
    await api.namespace(`${name}-${suffix}`, labels);
    await api.secret(`${name}-${suffix}`, 'user', { password: 'no-word-of-a-test' });
    await arrangeGrants(`${name}-${suffix}`);
  }
}

/** As the controller makes them, but with other names, and for nobody. */
async function arrangeGrants(namespace: string): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const path = `/apis/${apiGroup}/v1/namespaces/${namespace}`;
  const labels = { 'app.kubernetes.io/managed-by': 'leat-controller' };
  const verbs = ['list', 'watch'];
  const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['other'], verbs }];
  await api.must('POST', `${path}/roles`, { metadata: { name: 'leat-labelled-secrets', labels }, rules });
  for (const [kind, name] of [
    ['ClusterRole', 'leat-secret-reader'],
    ['Role', 'leat-labelled-secrets'],
  ]) {
    const roleRef = { apiGroup, kind, name };
    await api.must('POST', `${path}/rolebindings`, { metadata: { name, labels }, roleRef, subjects: [] });
  }
}

/** A daemon's pod that is being deleted, and of which nothing serves any more. */
async function arrangeEndedPod(name: string): Promise<void> {
  const path = '/api/v1/namespaces/leat-system/pods';
  const containers = [{ name: 'daemon', image: 'leat' }];
  const spec = { nodeName: 'node-1', serviceAccountName: 'leat', containers };
  const { metadata } = await api.must('POST', path, { metadata: { name }, spec });
  await api.must('DELETE', `${path}/${name}`, { gracePeriodSeconds: 300 });
  await reportAs(api, 'node-1', { endedPod: metadata.uid });
}
