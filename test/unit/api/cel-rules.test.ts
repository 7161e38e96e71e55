// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { CUSTOM_KINDS, type CustomKind } from '../../../api/custom-kinds.ts';
import { CEL_RULES } from '../../../api/rules/cel-rules.ts';
import { type SchemaNode, schemaAt } from '../../../api/schema/schema-node.ts';
import { toCrd } from '../../../api/schema/to-crd.ts';

const KINDS: readonly CustomKind[] = Object.values(CUSTOM_KINDS);

/** The schema of the part that a rule is about; null where there is none. */
function partOf(kind: CustomKind, path: string): SchemaNode | null {
  const steps = path.split('.').flatMap((step) => (step.endsWith('[]') ? [step.slice(0, -2), 0] : [step]));
  return kind.spec === null ? null : schemaAt(kind.spec, steps.slice(1));
}

test('every kind that people write has rules for newer API servers', (t) => {
  const written = KINDS.filter(({ spec }) => spec !== null).map(({ kind }) => kind);
  t.deepEqual(Object.keys(CEL_RULES).sort(), written.sort());
});

test('every rule stands in the definition, once, at a part of the kind', (t) => {
  for (const kind of KINDS) {
    const rules = CEL_RULES[kind.kind] ?? [];
    const text = JSON.stringify(toCrd(kind, rules));
    t.is(text.match(/"rule":/g)?.length ?? 0, rules.length, kind.kind);
    t.is(new Set(rules.map(({ path, rule }) => `${path} ${rule}`)).size, rules.length, kind.kind);
    t.is(new Set(rules.map(({ path, message }) => `${path} ${message}`)).size, rules.length, kind.kind);
  }
});

test('every field that a rule reads is one of its part, and is asked for where it may be missing', (t) => {
  for (const kind of KINDS) {
    for (const { path, rule } of CEL_RULES[kind.kind] ?? []) {
      const part = partOf(kind, path);
      const fields = [...rule.matchAll(/\bself\.(\w+)/g)].map(([, name = '']) => name);
      t.true(fields.length > 0, `${path}: ${rule}`);
      for (const field of fields) {
        // a word of CEL is written with these underscores
        const name = field.replace(/^__(.+)__$/, '$1');
        t.true(Object.hasOwn(part?.properties ?? {}, name), `${kind.kind} ${path} has no ${name}`);
        const asked = part?.required?.includes(name) === true || rule.includes(`has(self.${field})`);
        t.true(asked, `${kind.kind} ${path}: ${name} may be missing in ${rule}`);
      }
    }
  }
});

test('a rule is of the core of the language, and a message of one line: 1.25 knows no more', (t) => {
  const functions = new Set(['has', 'size', 'all', 'exists', 'exists_one', 'in']);
  for (const rules of Object.values(CEL_RULES)) {
    for (const { rule, message } of rules) {
      const plain = rule.replaceAll(/'[^']*'/g, '');
      for (const [, name = ''] of plain.matchAll(/(\w+)\(/g)) t.true(functions.has(name), `${name} in ${rule}`);
      t.regex(message, /^[^\n]{1,384}$/);
      t.false(`${rule}${message}`.includes('{{'), 'helm would take it for an action');
    }
  }
});
