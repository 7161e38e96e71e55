// SPDX-License-Identifier: Apache-2.0
/**
 * Writes the custom resource definitions into the chart, from the schemas in api/: `node scripts/setup/render-crds.ts`. A
 * test holds the two together.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { stringify } from 'yaml';
import { CUSTOM_KINDS } from '../../api/custom-kinds.ts';
import { CEL_RULES } from '../../api/rules/cel-rules.ts';
import { toCrd } from '../../api/schema/to-crd.ts';

export const TEMPLATES = new URL('../../charts/leat/templates/', import.meta.url);

const HEAD = `# SPDX-License-Identifier: Apache-2.0
# Made by scripts/setup/render-crds from api/: change it there.
`;

/** The rules of one part, with what is below them by its indentation. */
const RULES = /^( *)x-kubernetes-validations:\n(?:\1 .*\n)+/gm;
/** 1.25 is the first version that checks rules; kubectl refuses to send to an older one what that does not know. */
const IF_NEWER = '{{- if semverCompare ">=1.25-0" .Capabilities.KubeVersion.Version }}';

/** Text of each template by its file name. */
export function renderDefinitions(): ReadonlyMap<string, string> {
  return new Map(
    Object.values(CUSTOM_KINDS).map((kind) => {
      // kubectl and helm read YAML 1.1, to which Off without quotes is false
      const definition = toCrd(kind, CEL_RULES[kind.kind]);
      const text = stringify(definition, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
      // what helm would take for an action of its own
      const literal = text.replaceAll('{{', '{{ "{{" }}');
      return [`crds-${kind.plural}.yaml`, HEAD + literal.replaceAll(RULES, `${IF_NEWER}\n$&{{- end }}\n`)];
    }),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  mkdirSync(TEMPLATES, { recursive: true });
  for (const [name, text] of renderDefinitions()) writeFileSync(new URL(name, TEMPLATES), text);
}
