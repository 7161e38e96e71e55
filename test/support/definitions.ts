// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';

const TEMPLATES = new URL('../../charts/leat/templates/', import.meta.url);

/**
 * The chart's custom resource definitions as helm renders them for a cluster, in one YAML text.
 * @param withRules whether the API server checks rules, as those from 1.25 do
 */
export function definitionsOf(withRules: boolean): string {
  return readdirSync(TEMPLATES)
    .filter((name) => name.startsWith('crds-'))
    .map((name) => asRendered(readFileSync(new URL(name, TEMPLATES), 'utf8'), withRules))
    .join('---\n');
}

/** What stands in such a template beside YAML: `{{- if ... }}` and `{{- end }}` around rules, and braces for themselves. */
export function asRendered(template: string, withRules: boolean): string {
  const chosen = template.replaceAll(/^\{\{- if [^\n]*\n(.*?)^\{\{- end \}\}\n/gms, withRules ? '$1' : '');
  return chosen.replaceAll('{{ "{{" }}', '{{');
}
