// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { ApiServer } from './apiserver.ts';
import { noteSecret } from './evidence.ts';
import type { Lab } from './lab.ts';
import type { Place } from './place.ts';
import type { Running } from './running.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The account that the chart makes for a release called leat. */
const ACCOUNT = 'leat-controller';

/** A controller that runs. */
export interface Controller extends Running {
  readonly adminUrl: string;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
}

const VALUES = ['image.repository=leat', 'cluster.podRanges={10.244.0.0/16}', 'cluster.serviceRanges={10.96.0.0/16}'];

/** What helm itself makes of templates of the chart, for a release called leat in leat-system. */
export function renderChart(templates: readonly string[], values: readonly string[] = []): Rendered[] {
  const helm = spawnSync(join(ROOT, 'scripts/setup/install-helm'), { encoding: 'utf8' });
  if (helm.status !== 0) throw new Error(helm.stderr);
  const show = templates.flatMap((name) => ['--show-only', `templates/${name}`]);
  const set = [...VALUES, ...values].flatMap((value) => ['--set', value]);
  const argv = ['template', 'leat', join(ROOT, 'charts/leat'), '--namespace', 'leat-system', ...show, ...set];
  const { stdout, stderr, status } = spawnSync(helm.stdout.trim(), argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
}

/** The chart's account, roles and bindings for the controller, as helm renders them. */
export function controllerRights(): Rendered[] {
  return renderChart(['rbac-controller.yaml', 'rbac-people.yaml']);
}

/** Applies them; a token of the account, which is valid for an hour. */
export async function grantControllerRights(api: ApiServer, rights: readonly Rendered[]): Promise<string> {
  await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leat-system' } }, ...rights);
  const path = `/api/v1/namespaces/leat-system/serviceaccounts/${ACCOUNT}/token`;
  const { status } = await api.must('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  });
  noteSecret('token of the controller', status.token);
  return status.token;
}

/** Starts the program, with the rights of the chart. It is ready once it has read the cluster. */
export async function startController(
  place: Place,
  api: ApiServer,
  { token, identity = 'controller-1', flags = [] }: { token: string; identity?: string; flags?: readonly string[] },
): Promise<Controller> {
  const folder = await place.tempDir();
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, token, { mode: 0o600 });
  const port = await place.freePort(15021);
  const adminUrl = `http://127.0.0.1:${port}`;
  const running = await place.spawn(
    [
      process.execPath,
      join(ROOT, 'controller/main.ts'),
      `--kube-api-server=${api.url}`,
      `--kube-token-file=${tokenFile}`,
      `--kube-ca-file=${api.authority.certificateFile}`,
      `--identity=${identity}`,
      '--admin-address=127.0.0.1',
      `--admin-port=${port}`,
      ...flags,
    ],
    { readyWhen: /the controller runs/, readyTimeoutMs: 60_000 },
  );
  return Object.assign(running, { adminUrl });
}

/** An API server with `node-1`, and a controller that follows it with the rights of the chart. Takes some ten seconds. */
export async function makeControllerScene(
  lab: Lab,
): Promise<{ readonly api: ApiServer; readonly token: string; readonly controller: Controller }> {
  const api = await ApiServer.start(lab.loopback);
  lab.beforeDispose(() => api.close());
  const token = await grantControllerRights(api, controllerRights());
  await api.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1' } });
  return { api, token, controller: await startController(lab.loopback, api, { token }) };
}
