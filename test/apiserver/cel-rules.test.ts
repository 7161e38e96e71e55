// SPDX-License-Identifier: Apache-2.0
/**
 * The rules that an API server from 1.25 on checks: by the code of such a server, which Go builds, and by a server itself
 * where KUBEBUILDER_ASSETS_NEWER names the folder of one.
 */
import test from 'ava';
import { CUSTOM_KINDS, type CustomKind } from '../../api/custom-kinds.ts';
import { API_VERSION } from '../../api/group.ts';
import { parseResource } from '../../api/parse-resource.ts';
import { CEL_RULES } from '../../api/rules/cel-rules.ts';
import { memberSchema, type SchemaNode } from '../../api/schema/schema-node.ts';
import { toCrd } from '../../api/schema/to-crd.ts';
import { ApiServer } from '../support/apiserver.ts';
import { checkDefinitions, type Refusals } from '../support/check-definitions.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { type AnyResource, breakResource, INVALID } from '../unit/api/broken-resources.ts';
import { EXAMPLES } from '../unit/api/examples.ts';

interface Case {
  readonly what: string;
  /** The field that has to be named; null where it is not known whether anything is wrong. */
  readonly field: string | null;
  readonly resource: AnyResource;
}

const KINDS = Object.values<CustomKind>(CUSTOM_KINDS);
const NEWER = process.env.KUBEBUILDER_ASSETS_NEWER ?? '';
const VALID = Object.values(EXAMPLES)
  .map((make): AnyResource => make())
  .filter(({ apiVersion }) => apiVersion === API_VERSION);

const BROKEN = INVALID.flatMap((row): Case[] => {
  const resource = breakResource(row);
  return resource === null ? [] : [{ what: row[0], field: row[3], resource }];
});

/** Every member below a part with its schema: what holds it, and its name or index there. */
function* membersOf(part: AnyResource, schema: SchemaNode): Generator<[holder: AnyResource, key: string, SchemaNode]> {
  if (typeof part !== 'object' || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    const member = memberSchema(schema, Array.isArray(part) ? Number(key) : key);
    if (member === null) continue;
    yield [part, key, member];
    yield* membersOf(value, member);
  }
}

/** The examples with one member removed, or with one word in place of another: valid or not. */
const CHANGED = VALID.flatMap((example): Case[] => {
  const spec = KINDS.find(({ kind }) => kind === example.kind)?.spec;
  if (spec === undefined || spec === null) throw new TypeError(example.kind);
  const cases: Case[] = [];
  const count = [...membersOf(example.spec, spec)].length;
  for (let index = 0; index < count; index += 1) {
    const change = (to: unknown): void => {
      const resource = structuredClone(example);
      const [holder, key] = [...membersOf(resource.spec, spec)][index]!;
      if (to !== undefined) holder[key] = to;
      else if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      cases.push({ what: `${example.metadata.name}: ${key} is ${to}`, field: null, resource });
    };
    const [, , member] = [...membersOf(example.spec, spec)][index]!;
    for (const to of [undefined, ...(member.enum ?? [])]) change(to);
  }
  return cases;
});

let lab: Lab;
let found: Refusals;
const CASES: readonly Case[] = [...BROKEN, ...CHANGED];

test.before(async (t) => {
  t.timeout(600_000);
  lab = await createLab('cel-rules');
  const definitions = KINDS.map((kind) => toCrd(kind, CEL_RULES[kind.kind]));
  found = await checkDefinitions(lab.loopback, definitions, [...VALID, ...CASES.map(({ resource }) => resource)]);
});
test.after.always(() => lab.dispose());

test('an API server compiles every rule, and none costs more than it may', (t) => {
  t.deepEqual(found.definitions, []);
});

test('the rules refuse nothing that Leat takes, and each of them refuses something', (t) => {
  for (const [index, { metadata }] of VALID.entries()) {
    t.deepEqual(found.resources[index], { schema: [], rules: [] }, metadata.name);
  }
  const refusals = found.resources.slice(VALID.length).map(({ rules }) => rules);
  for (const [index, { what, resource }] of CASES.entries()) {
    if (refusals[index]!.length === 0) continue;
    t.false(parseResource(resource).ok, `${what}: ${refusals[index]!.join()}`);
  }
  const told = refusals.flat().join('\n');
  const silent = Object.values(CEL_RULES).flatMap((rules) => rules.filter(({ message }) => !told.includes(message)));
  t.deepEqual(silent, []);
  t.log({ cases: CASES.length, refused: refusals.filter(({ length }) => length > 0).length });
});

test('what the rules refuse is named', (t) => {
  const refused = BROKEN.map(({ what, field }, index) => ({
    what,
    field,
    told: found.resources[VALID.length + index]!.rules.join('\n'),
  })).filter(({ told }) => told !== '');
  t.true(refused.length > 0);
  for (const { what, field, told } of refused) t.true(names(told, field!), `${what}: ${told} does not name ${field}`);
});

/** The API server names the part, and the rule's own words what is missing in it, or is too much. */
function names(text: string, field: string): boolean {
  const last =
    field
      .replaceAll(/\[\d+\]/g, '')
      .split('.')
      .pop() ?? '';
  return new RegExp(`\\b${last}\\b`).test(text);
}

if (NEWER === '') {
  test.skip('a newer API server compiles the rules and refuses by them (KUBEBUILDER_ASSETS_NEWER names none: setup-envtest use -p path makes such a folder)', () => {});
} else {
  test('a newer API server compiles the rules and refuses by them', async (t) => {
    t.timeout(180_000);
    const server = await ApiServer.start(lab.loopback, { newer: NEWER });
    t.teardown(() => server.close());
    const spaces = new Set(
      [...VALID, ...BROKEN.map(({ resource }) => resource)].map(({ metadata }) => metadata.namespace),
    );
    for (const name of spaces) if (name !== undefined) await server.namespace(name);
    const create = (resource: AnyResource) => {
      const { plural } = CUSTOM_KINDS[resource.kind as keyof typeof CUSTOM_KINDS];
      return server.create(`${plural}`, resource);
    };
    for (const [index, { what, field, resource }] of BROKEN.entries()) {
      if (found.resources[VALID.length + index]!.rules.length === 0) continue;
      const { status, body } = await create(resource);
      t.is(status, 422, what);
      t.true(names(body.message, field!), `${what}: ${body.message}`);
    }
    for (const resource of VALID) t.is((await create(resource)).status, 201, resource.metadata.name);
  });
}
