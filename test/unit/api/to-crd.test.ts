// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { CUSTOM_KINDS } from '../../../api/custom-kinds.ts';
import { KINDS } from '../../../api/kind-table.ts';
import { CEL_RULES } from '../../../api/rules/cel-rules.ts';
import { toCrd } from '../../../api/schema/to-crd.ts';
import { renderDefinitions, TEMPLATES } from '../../../scripts/setup/render-crds.ts';
import { asRendered } from '../../support/definitions.ts';

test("the chart's definitions are those of the schemas", (t) => {
  const files = readdirSync(TEMPLATES).filter((name) => name.startsWith('crds-'));
  const rendered = renderDefinitions();
  t.deepEqual(files.sort(), [...rendered.keys()].sort());
  for (const [name, text] of rendered) {
    t.is(readFileSync(new URL(name, TEMPLATES), 'utf8'), text, `${name}: run scripts/setup/render-crds`);
  }
});

test('every kind of the group that is read has a definition, of the same scope', (t) => {
  for (const [kind, { apiVersion, namespaced }] of Object.entries(KINDS)) {
    if (apiVersion === 'v1') continue;
    t.is(CUSTOM_KINDS[kind as keyof typeof CUSTOM_KINDS]?.namespaced, namespaced, kind);
  }
});

test('no definition holds what older API servers refuse or would write down for ever', (t) => {
  for (const kind of Object.values(CUSTOM_KINDS)) {
    const text = JSON.stringify(toCrd(kind));
    // a property may be called so: then its schema follows, not a value
    t.notRegex(text, /"default":(?!\{"type":"boolean")/, kind.kind);
    for (const word of ['x-kubernetes-validations', '"const"', '"oneOf"', '"$ref"', '{{']) {
      t.false(text.includes(word), `${kind.kind} has ${word}`);
    }
    // kubectl keeps what was applied in an annotation, all of which have 256 KiB together
    t.true(JSON.stringify(toCrd(kind, CEL_RULES[kind.kind])).length < 200_000, kind.kind);
  }
});

test('a definition, and with it every resource, stays when the chart goes', (t) => {
  for (const text of renderDefinitions().values()) t.regex(text, /helm\.sh\/resource-policy: keep/);
});

test('kubectl and helm, which read YAML 1.1, read what was meant: Off is a word, and false is not', (t) => {
  const rendered = renderDefinitions();
  for (const kind of Object.values(CUSTOM_KINDS)) {
    const template = rendered.get(`crds-${kind.plural}.yaml`) ?? '';
    for (const rules of [[], CEL_RULES[kind.kind] ?? []]) {
      const text = asRendered(template, rules.length > 0);
      t.deepEqual(parse(text, { version: '1.1' }), JSON.parse(JSON.stringify(toCrd(kind, rules))), kind.kind);
    }
  }
});
