// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { reasonOf } from '../../../api/field-problem.ts';
import { parseResource } from '../../../api/parse-resource.ts';
import { INVALID } from './broken-resources.ts';
import { clusterDestination, destination, EXAMPLES, pod, secret } from './examples.ts';
import { setField } from './set-field.ts';

for (const [name, make] of Object.entries(EXAMPLES)) {
  test(`accepts a ${name} that uses every field, and keeps all of it`, (t) => {
    const parsed = parseResource(make());
    t.deepEqual(parsed, { ok: true, resource: make() } as never);
  });
}

for (const [what, example, changes, field, words] of INVALID) {
  test(`refuses ${what}`, (t) => {
    const resource = EXAMPLES[example]();
    for (const [changed, value] of Object.entries(changes)) setField(resource, changed, value ?? undefined);
    const parsed = parseResource(resource);
    if (parsed.ok) throw new Error('was accepted');
    const problem = parsed.problems.find((candidate) => candidate.field === field);
    t.truthy(problem, `no problem names ${field}: ${JSON.stringify(parsed.problems)}`);
    t.regex(reasonOf(problem!), new RegExp(words));
  });
}

test('refuses what is no object', (t) => {
  for (const value of [null, undefined, 'x', 7, true, []]) t.false(parseResource(value).ok);
});

test('accepts a credential in clear where the Destination says so, or where a tunnel takes it', (t) => {
  const open = destination();
  setField(open, 'spec.ports[0].upstream.tls', undefined);
  setField(open, 'spec.allowCleartext', true);
  t.true(parseResource(open).ok);
  t.true(parseResource(clusterDestination()).ok);
});

test('accepts a token endpoint in clear only where that is said beside it', (t) => {
  const open = destination();
  setField(open, 'spec.authentication.oauth2.tokenUrl', 'http://login.com/');
  setField(open, 'spec.allowCleartext', true);
  t.false(parseResource(open).ok);
  setField(open, 'spec.authentication.oauth2.allowCleartext', true);
  t.true(parseResource(open).ok);
});

test('leaves it to NodePolicy who may claim "*"', (t) => {
  const all = destination();
  setField(all, 'spec.hosts', ['*']);
  t.true(parseResource(all).ok);
});

test('takes null in metadata for absent, as generators of YAML write it', (t) => {
  const generated = pod();
  setField(generated, 'metadata.creationTimestamp', null);
  t.deepEqual(parseResource(generated), { ok: true, resource: pod() } as never);
});

test('accepts names of Kubernetes objects with labels longer than 63 characters', (t) => {
  const long = pod();
  setField(long, 'metadata.name', 'a'.repeat(200));
  t.true(parseResource(long).ok);
});

test('does not keep what Leat does not read: environments, annotations of others, statuses', (t) => {
  const full = pod();
  setField(full, 'spec.containers', [{ env: [{ name: 'PASSWORD', value: 'hunter2' }] }]);
  setField(full, 'metadata.managedFields', [{ manager: 'kubectl' }]);
  t.deepEqual(parseResource(full), { ok: true, resource: pod() } as never);
  const reported = destination();
  setField(reported, 'status', { conditions: [] });
  t.deepEqual(parseResource(reported), { ok: true, resource: destination() } as never);
});

test('names every problem of a resource at once, each field once', (t) => {
  const broken = destination();
  setField(broken, 'spec.hosts', ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L']);
  setField(broken, 'spec.routee', {});
  setField(broken, 'spec.route', undefined);
  const parsed = parseResource(broken);
  if (parsed.ok) throw new Error('was accepted');
  const fields = parsed.problems.map(({ field }) => field);
  t.is(fields.length, 13);
  t.is(new Set(fields).size, 13);
});

const PLACES = [
  'spec.authentication',
  'spec.authentication.basic',
  'spec.authentication.basic.secret',
  'spec.authentication.basic.password',
  'spec.authentication.oauth2.tokenUrl',
  'spec.headers[0].value',
  'spec.headers[0].secret',
  'spec.headers[0].secret.name',
  'spec.headers[0]',
  'spec.queries',
  'spec.hosts[0]',
];

for (const place of PLACES) {
  test(`does not show a credential that was written into ${place}`, (t) => {
    const careless = destination();
    setField(careless, place, 'Hunter2\u0007 https://user:Hunter2@host');
    const parsed = parseResource(careless);
    if (parsed.ok) throw new Error('was accepted');
    const shown = JSON.stringify(parsed.problems);
    t.false(shown.includes('Hunter2'), shown);
  });
}

test('shows no value of a Secret, whatever is wrong with it', (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.anything()), (extra) => {
      const value = { ...secret(), ...extra, data: { password: 'Hunter2!' }, metadata: { name: 'Hunter2!' } };
      return !JSON.stringify(parseResource(value)).includes('Hunter2');
    }),
  );
  t.pass();
});

test('shortens what it shows, and escapes control characters', (t) => {
  const broken = destination();
  setField(broken, 'spec.hosts', [`\u001b[31m${'a'.repeat(10_000)}`]);
  const parsed = parseResource(broken);
  if (parsed.ok) throw new Error('was accepted');
  const { value } = parsed.problems[0]!;
  t.true(value!.length < 120 && !value!.includes('\u001b'));
});

test('never throws, for any JSON at any place of any kind', (t) => {
  const examples = Object.values(EXAMPLES).map((make) => make());
  const steps = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.constantFrom(...examples), steps, fc.jsonValue(), (example, choices, value) => {
      const resource = structuredClone(example);
      let parent = resource as Record<string, unknown>;
      for (const choice of choices) {
        const keys = Object.keys(parent);
        const key = keys[choice % keys.length]!;
        const member = parent[key];
        if (typeof member !== 'object' || member === null || choice === choices.at(-1)) {
          parent[key] = value;
          break;
        }
        parent = member as Record<string, unknown>;
      }
      const parsed = parseResource(JSON.parse(JSON.stringify(resource)));
      return parsed.ok || parsed.problems.length > 0;
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => parseResource(value).ok === false));
  t.pass();
});

test('does not take members of prototypes for fields', (t) => {
  const hostile = JSON.parse(
    JSON.stringify(destination()).replace('"spec":{', '"spec":{"__proto__":{},"constructor":1,'),
  );
  const parsed = parseResource(hostile);
  if (parsed.ok) throw new Error('was accepted');
  t.deepEqual(parsed.problems.map(({ field }) => field).sort(), ['spec.__proto__', 'spec.constructor']);
  t.false(parseResource({ apiVersion: 'v1', kind: 'constructor' }).ok);
});
