// SPDX-License-Identifier: Apache-2.0

/**
 * The one rule of a Role by which daemons read Secrets, each by its name.
 *
 * @param names sorted, and at least one: a rule without names is about all Secrets
 */
export function secretsRule(names: readonly string[]) {
  if (names.length === 0) throw new TypeError('a rule without names would be about all Secrets');
  return { apiGroups: [''], resources: ['secrets'], resourceNames: [...names], verbs: ['list', 'watch'] };
}
