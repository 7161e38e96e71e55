// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { parseFile } from '../../../daemon/sources/parse-file.ts';
import { formatSourceProblem } from '../../../daemon/sources/source-problem.ts';

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
`;

const problemsOf = async (text: string) => (await parseFile('a.yaml', text)).problems.map(formatSourceProblem);

test('reads many documents of a file, each with its line', async (t) => {
  const { resources, problems } = await parseFile('a.yaml', `# pods\n---\n${POD}---\n---\n${POD.replace('web', 'db')}`);
  t.deepEqual(problems, []);
  t.deepEqual(
    resources.map(({ resource, line }) => [resource.metadata.name, line]),
    [
      ['web', 3],
      ['db', 10],
    ],
  );
});

test('reads JSON, also with tabs', async (t) => {
  const text = '{\n\t"apiVersion": "v1",\n\t"kind": "Namespace",\n\t"metadata": {"name": "shop"}\n}';
  const { resources } = await parseFile('a.json', text);
  t.is(resources[0]?.resource.kind, 'Namespace');
});

test('reads the items of a List, and of a list of one kind', async (t) => {
  const item = '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}';
  const list = await parseFile('a.yaml', `apiVersion: v1\nkind: List\nitems:\n- ${item}\n`);
  t.deepEqual(
    list.resources.map(({ resource, line }) => [resource.kind, line]),
    [['Namespace', 4]],
  );
  const typed = await parseFile('a.yaml', 'apiVersion: v1\nkind: NamespaceList\nitems: [{metadata: {name: shop}}]\n');
  t.is(typed.resources[0]?.resource.kind, 'Namespace');
});

test('names file, line, resource and field of a problem', async (t) => {
  const text = `${POD}---\n${POD}status:\n  podIPs:\n  - ip: 10.0.0.1\n  - ip: nowhere\n`;
  t.deepEqual(await problemsOf(text), [
    'a.yaml:15 Pod shop/web status.podIPs[1].ip: must be an IP address (is "nowhere")',
  ]);
});

test('names the line of the key for an unknown field, and of the part around it for a missing one', async (t) => {
  const text = `apiVersion: leat.dev/v1alpha1
kind: Tunnel
metadata: {name: corp}
spec:
  protocol: socks5
  endpoints: [{host: proxy, port: 1080}]
  authentication:
    typ: None
  allow: []
`;
  const problems = await problemsOf(text);
  t.true(problems.some((line) => line.startsWith('a.yaml:8 Tunnel corp spec.authentication.typ: unknown field')));
  t.true(problems.some((line) => line.startsWith('a.yaml:7 Tunnel corp spec.authentication.type: is required')));
});

test('names the line of what stands behind an alias or a merge', async (t) => {
  const text = `${POD}spec: &s\n  hostNetwork: 1\nstatus: *s\n`;
  t.deepEqual(await problemsOf(text), [
    'a.yaml:7 Pod shop/web spec.hostNetwork: must be true or false, not a number (is 1)',
  ]);
});

test('passes over kinds of others, and says so; refuses unknown kinds of its own group', async (t) => {
  const foreign = await parseFile('a.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {}\n');
  t.deepEqual([foreign.foreign, foreign.problems], [['apps/v1 Deployment'], []]);
  t.deepEqual(await problemsOf('apiVersion: leat.dev/v1alpha1\nkind: Destinaton\n'), [
    'a.yaml:2 Destinaton kind: unknown kind "Destinaton": did you mean "Destination"?',
  ]);
});

test('refuses a file that is no resource', async (t) => {
  t.regex((await problemsOf('image:\n  tag: 1\n'))[0]!, /^a.yaml:1 apiVersion: is required/);
  t.regex((await problemsOf('just text'))[0]!, /must be an object with apiVersion/);
});

const BROKEN: Record<string, [text: string, problem: RegExp]> = {
  'a key that stands twice': [`${POD}kind: Pod\n`, /^a.yaml:6: is not valid YAML: a key stands twice/],
  'an open quote': [`${POD}spec:\n  nodeName: "a\n`, /closing quote/],
  'a tab': [`kind: Pod\nmetadata:\n\tname: a\n`, /a.yaml:3: .*(tab|reserved)/],
  'an unknown tag': [`${POD}spec: !vault a\n`, /a.yaml:6: .*tag/],
  'an unknown alias': [`${POD}spec: *a\n`, /a.yaml:6: .*anchor/],
  'an escape that is none': [`${POD}spec: {nodeName: "\\q"}\n`, /escape/],
};

for (const [what, [text, problem]] of Object.entries(BROKEN)) {
  test(`refuses ${what}, with its line`, async (t) => {
    t.regex((await problemsOf(text))[0]!, problem);
  });
}

test('shows no piece of a Secret, however its YAML is broken', async (t) => {
  const head = 'apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData:\n';
  const tails = [
    'key: "hunter2\\q"',
    'key: hunter2: x',
    'key: !hunter2 x',
    'key: *hunter2',
    'key: @hunter2',
    'key: "x" hunter2',
    '\thunter2',
    'hunter2',
    '- hunter2',
    'key: {hunter2',
    'key: [hunter2]',
  ];
  for (const tail of tails) {
    const problems = await problemsOf(`${head}  ${tail}\n`);
    t.true(problems.length > 0, tail);
    t.false(problems.join().includes('hunter2'), problems.join());
  }
});

test('bounds the work of aliases that multiply', async (t) => {
  const levels = [...'bcdefghij'].map((name, i) => `${name}: &${name} [${`*${'abcdefghij'[i]},`.repeat(9)}]`);
  t.regex((await problemsOf(`a: &a [x]\n${levels.join('\n')}\n`))[0]!, /stand for more than 1000 aliases/);
  t.regex((await problemsOf(`a: &a x\nb: [${'*a,'.repeat(1001)}]`))[0]!, /^a.yaml:2: has more than 1000 aliases/);
});

test.serial('reads an object of thirty thousand keys in a time that grows with their number only', async (t) => {
  const labels = Array.from({ length: 30_000 }, (_, i) => `    a${i}: x\n`).join('');
  const startedMs = performance.now();
  const { resources } = await parseFile('a.yaml', `${POD}  labels:\n${labels}`);
  t.is(Object.keys(resources[0]?.resource.metadata.labels ?? {}).length, 30_000);
  // half a second; comparing each with each takes minutes
  t.true(performance.now() - startedMs < 20_000);
});

test('never rejects, for any text', async (t) => {
  const token = fc.constantFrom(
    'kind: ',
    'List',
    'items:',
    '\n',
    '  ',
    '- ',
    '&a ',
    '*a',
    '{',
    '}',
    '[',
    ']',
    ': ',
    '"',
    '|',
    '---\n',
    'v1',
    'apiVersion: ',
    '%',
    '!',
    '<<: ',
    '\t',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join('')),
  );
  await fc.assert(
    fc.asyncProperty(text, async (input) => {
      await parseFile('a.yaml', input);
    }),
    { numRuns: 500 },
  );
  await parseFile('a.yaml', '{"a":'.repeat(50_000));
  t.pass();
});
