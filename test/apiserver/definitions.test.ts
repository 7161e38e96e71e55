// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { CUSTOM_KINDS } from '../../api/custom-kinds.ts';
import { API_VERSION } from '../../api/group.ts';
import { parseResource } from '../../api/parse-resource.ts';
import { ApiServer } from '../support/apiserver.ts';
import { documentExamples } from '../support/document-examples.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { breakResource, INVALID } from '../unit/api/broken-resources.ts';
import { EXAMPLES } from '../unit/api/examples.ts';

interface Custom {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: object;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GROUP = `/apis/${API_VERSION}`;
/** Fewer would mean that the table was not read. */
const AT_LEAST_REFUSED = 60;

let lab: Lab;
let server: ApiServer;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('definitions');
  server = await ApiServer.start(lab.loopback);
  await server.namespace('shop');
});
test.after.always(async () => {
  await server?.close();
  await lab.dispose();
});

function pathOf({ kind, metadata: { namespace } }: Custom): string {
  const plural = CUSTOM_KINDS[kind as keyof typeof CUSTOM_KINDS]?.plural ?? 'unknown';
  return namespace === undefined ? `${GROUP}/${plural}` : `${GROUP}/namespaces/${namespace}/${plural}`;
}

test('the API server takes every definition as structural, under its short name and in the category', async (t) => {
  const { items } = await server.must('GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
  t.is(items.length, Object.keys(CUSTOM_KINDS).length);
  for (const { metadata, status } of items) {
    const holding = status.conditions.filter((condition: { status: string }) => condition.status === 'True');
    const types = holding.map(({ type }: { type: string }) => type).sort();
    t.deepEqual(types, ['Established', 'NamesAccepted'], metadata.name);
  }
  const { resources } = await server.must('GET', GROUP);
  for (const { kind, plural, shortName, namespaced } of Object.values(CUSTOM_KINDS)) {
    const found = resources.find(({ name }: { name: string }) => name === plural);
    t.like(found, { kind, namespaced, shortNames: [shortName], categories: ['leat'] });
    t.truthy(
      resources.find(({ name }: { name: string }) => name === `${plural}/status`),
      `${kind} has a status`,
    );
  }
});

for (const [name, make] of Object.entries(EXAMPLES)) {
  const example = make() as unknown as Custom;
  if (example.apiVersion !== API_VERSION) continue;
  test(`keeps every field of a ${name} that uses every field`, async (t) => {
    const { status, body } = await server.ask('POST', `${pathOf(example)}?dryRun=All`, example);
    t.is(status, 201, body.message);
    t.deepEqual(body.spec, example.spec);
    const parsed = parseResource(body);
    t.true(parsed.ok, JSON.stringify(parsed));
  });
}

test('keeps every field of a NodeState, and lets only its status be written by the status', async (t) => {
  const status = {
    observedTime: '2026-01-31T12:00:00Z',
    version: '1.0.0',
    captureMode: 'Node',
    selfTest: { result: 'Failed', time: '2026-01-31T12:00:00Z', message: 'no' },
    snapshot: { source: 'Live', time: '2026-01-31T12:00:00Z', destinations: 2, ready: 1, enrolledPods: 3 },
    notReady: [{ kind: 'Destination', namespace: 'shop', name: 'api', generation: 2, reason: 'Secret', message: 'no' }],
    notReadyTotal: 1,
  };
  const node = { apiVersion: API_VERSION, kind: 'NodeState', metadata: { name: 'node-1.example.com' } };
  const created = await server.must('POST', `${GROUP}/nodestates`, { ...node, status });
  t.is(created.status, undefined, 'a status is no part of what is created');
  const path = `${GROUP}/nodestates/${node.metadata.name}`;
  const written = await server.must('PUT', `${path}/status`, { ...created, status });
  t.deepEqual(written.status, status);
  const shown = await server.kubectl(['get', 'leat']);
  t.regex(shown, /node-1\.example\.com +Failed +1 +1 +3 /);
});

/** Whole documents in the project that a reader may apply. */
function documentsOf(): [place: string, document: Custom][] {
  const scripts = readdirSync(join(ROOT, 'scripts'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ya?ml$/.test(path))
    .map((path) => join('scripts', path));
  const texts: [string, string][] = [
    ...scripts.map((path): [string, string] => [path, readFileSync(join(ROOT, path), 'utf8')]),
    ...documentExamples().map(({ document, line, text }): [string, string] => [`${document}:${line}`, text]),
  ];
  return texts.flatMap(([place, text]) =>
    parseAllDocuments(text).flatMap((document): [string, Custom][] => {
      const value = document.toJS() as Custom | null;
      return value?.apiVersion === API_VERSION ? [[place, value]] : [];
    }),
  );
}

test('accepts every example of documents, chart and demo, and so does Leat', async (t) => {
  const documents = documentsOf();
  t.true(documents.length >= 5);
  const namespaces = new Set(documents.flatMap(([, { metadata }]) => metadata.namespace ?? []));
  for (const name of namespaces) if (name !== 'shop') await server.namespace(name);
  for (const [place, document] of documents) {
    const { status, body } = await server.ask('POST', `${pathOf(document)}?dryRun=All`, document);
    t.is(status, 201, `${place}: ${body.message}`);
    t.deepEqual(body.spec, document.spec, `${place}: a field of ${document.metadata.name} is not known`);
    t.true(parseResource(document).ok, place);
  }
});

/** 1.20 names fields of list entries without their index. */
function withoutIndexes(text: string): string {
  return text.replaceAll(/\[\d+\]/g, '');
}

function names(message: string, field: string): boolean {
  // of two equal entries the server names the entry, not its key
  const named = message.includes('Duplicate value') ? field.replace(/\]\.\w+$/, ']') : field.replace(/\[".*"\]$/, '');
  return withoutIndexes(message).includes(withoutIndexes(named));
}

test('refuses what is invalid, by schema or by the daemon, naming the field; what is misspelt is dropped or missed', async (t) => {
  t.timeout(120_000);
  const counts = { schema: 0, daemon: 0, dropped: 0 };
  for (const row of INVALID) {
    const resource = breakResource(row);
    if (resource === null) continue;
    const [what, , , field] = row;
    const { status, body } = await server.ask('POST', `${pathOf(resource)}?dryRun=All`, resource);
    if (status >= 400) {
      t.true(names(body.message, field), `${what}: ${body.message} does not name ${field}`);
      counts.schema += 1;
      continue;
    }
    const parsed = parseResource(body);
    if (parsed.ok) {
      // the field that is not known is gone, and what is left is valid and means what it says
      const isUnknown = parseResource(resource);
      t.regex(JSON.stringify(isUnknown), /unknown field/, `${what} is accepted`);
      counts.dropped += 1;
      continue;
    }
    t.true(
      parsed.problems.some((problem) => problem.field === field),
      `${what}: ${JSON.stringify(parsed.problems)}`,
    );
    counts.daemon += 1;
  }
  t.log(counts);
  t.true(counts.schema + counts.daemon >= AT_LEAST_REFUSED, JSON.stringify(counts));
});
