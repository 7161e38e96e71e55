// SPDX-License-Identifier: Apache-2.0
import { printTokens } from './render-restore.ts';
import { type Plan, TABLES } from './rule.ts';

/** The plan for a reader: what --dry-run prints. Each rule with the reason for it; no line changes anything. */
export function describePlan(plan: Plan): string {
  return [
    heading('Sets (ipset); members come from the daemon unless named'),
    ...plan.sets.map(
      ({ name, type, members }) => `${name.padEnd(13)} ${type}${members?.length ? ` = ${members.join(', ')}` : ''}`,
    ),
    heading('On lo'),
    ...plan.addresses.map(({ address }) => `address ${address}`),
    ...plan.routes.map(({ text }) => `local route ${text}`),
    ...plan.families.flatMap((family) => describeFamily(plan, family)),
    ...(plan.nftRules.length === 0 ? [] : [heading('nft table inet leat')]),
    ...plan.nftRules.flatMap(({ chain, statement, comment }) => [`# ${comment}`, `${chain}: ${statement}`]),
    '',
  ].join('\n');
}

function describeFamily(plan: Plan, family: 4 | 6): readonly string[] {
  const command = family === 4 ? 'iptables' : 'ip6tables';
  return TABLES.flatMap((table) => {
    const jumps = plan.jumps.filter((jump) => jump.family === family && jump.table === table);
    const rules = plan.rules.filter((rule) => rule.family === family && rule.table === table);
    if (jumps.length + rules.length === 0) return [];
    return [
      heading(`IPv${family}, table ${table}`),
      ...jumps.flatMap((jump) => [
        `# ${jump.comment}`,
        `${command} -t ${table} -I ${jump.from} 1 ${printTokens([...jump.matches, '-j', jump.chain])}`,
      ]),
      ...rules.flatMap(({ chain, matches, target, comment }) => [
        `# ${comment}`,
        `${command} -t ${table} -A ${chain} ${printTokens([...matches, ...target])}`,
      ]),
    ];
  });
}

function heading(text: string): string {
  return `\n== ${text}`;
}
